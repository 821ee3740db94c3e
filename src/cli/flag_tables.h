// The rows of the table of flags, a table for each group of the help. Seen by flags.cpp alone.
#pragma once

#include <vector>

#include "cli/flags.h"

namespace quipu::cli {

extern const std::vector<Flag> kModeFlags;
extern const std::vector<Flag> kModelFlags;
extern const std::vector<Flag> kPromptFlags;
extern const std::vector<Flag> kSamplingFlags;
extern const std::vector<Flag> kSpeedFlags;
extern const std::vector<Flag> kGpuFlags;
extern const std::vector<Flag> kChatFlags;
extern const std::vector<Flag> kServerFlags;
extern const std::vector<Flag> kMessageFlags;
extern const std::vector<Flag> kToolFlags;

}  // namespace quipu::cli
