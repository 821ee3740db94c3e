// An OpenAI chat request becomes what a chat template is rendered with.
#pragma once

#include <string_view>

#include "base/result.h"
#include "template/chat_template.h"

namespace quipu::chat_template {

// Reads `messages`, `tools`, `documents`, `chat_template_kwargs` and `add_generation_prompt` of a request; other fields
// are the caller's. Hugging Face's templates expect the arguments of a tool call as an object where OpenAI sends a JSON
// text, so they are parsed; content that is a list of text parts is joined. BOS and EOS texts and the clock are left to
// the caller. Errors name the JSON path.
Result<RenderInput> parse_chat_request(std::string_view json);
Result<RenderInput> parse_chat_request(const Json& request);

}  // namespace quipu::chat_template
