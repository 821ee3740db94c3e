// What /set and /show know: the sampling's numbers, its lists, and the answer's length and end.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"

namespace quipu::chat {

// In the order of /show.
std::vector<std::string_view> setting_names();
bool is_setting(std::string_view name);
// Of a name as a flag has it ("top-k", "temp") the setting's.
std::string setting_name(std::string_view name);
// Names the nearest, if one is near.
Error unknown_setting(std::string_view name);
// Help, range ("must be ..."; empty: any text) and value of a setting that setting_names() lists.
std::string_view setting_help(std::string_view name);
std::string setting_range(std::string_view name);
std::string setting_value(const engine::GenerateOptions& options, std::string_view name);
// Errors: unknown_setting; a value out of range.
Status set_setting(engine::GenerateOptions& options, std::string_view name, std::string_view value);
// Those that differ from the defaults, for the file of a chat.
std::map<std::string, std::string> changed_settings(const engine::GenerateOptions& options);

}  // namespace quipu::chat
