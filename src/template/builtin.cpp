#include "template/builtin.h"

#include <algorithm>
#include <array>

namespace quipu::chat_template {
namespace {

constexpr std::array kBuiltin{
    BuiltinTemplate{"chatml", R"({%- for message in messages -%}
<|im_start|>{{ message.role }}
{{ message.content }}<|im_end|>
{% endfor -%}
{%- if add_generation_prompt %}<|im_start|>assistant
{% endif %})"},
    BuiltinTemplate{"llama2", R"({%- set system = '' -%}
{%- if messages and messages[0].role == 'system' -%}
{%- set system = '<<SYS>>\n' ~ messages[0].content ~ '\n<</SYS>>\n\n' -%}
{%- set messages = messages[1:] -%}
{%- endif -%}
{%- for message in messages -%}
{%- if message.role == 'assistant' -%}
{{ ' ' ~ message.content | trim ~ ' ' ~ eos_token }}
{%- else -%}
{{ bos_token ~ '[INST] ' ~ (system if loop.first else '') ~ message.content | trim ~ ' [/INST]' }}
{%- endif -%}
{%- endfor -%})"},
    BuiltinTemplate{"llama3", R"({{- bos_token -}}
{%- for message in messages -%}
<|start_header_id|>{{ message.role }}<|end_header_id|>

{{ message.content | trim }}<|eot_id|>
{%- endfor -%}
{%- if add_generation_prompt -%}
<|start_header_id|>assistant<|end_header_id|>

{% endif %})"},
    BuiltinTemplate{"mistral", R"({{- bos_token -}}
{%- set system = '' -%}
{%- if messages and messages[0].role == 'system' -%}
{%- set system = messages[0].content ~ '\n\n' -%}
{%- set messages = messages[1:] -%}
{%- endif -%}
{%- for message in messages -%}
{%- if message.role == 'assistant' -%}
{{ ' ' ~ message.content | trim ~ eos_token }}
{%- else -%}
{{ '[INST] ' ~ (system if loop.last else '') ~ message.content ~ '[/INST]' }}
{%- endif -%}
{%- endfor -%})"},
    BuiltinTemplate{"gemma", R"({{- bos_token -}}
{%- set system = '' -%}
{%- if messages and messages[0].role == 'system' -%}
{%- set system = messages[0].content ~ '\n\n' -%}
{%- set messages = messages[1:] -%}
{%- endif -%}
{%- for message in messages -%}
<start_of_turn>{{ 'model' if message.role == 'assistant' else message.role }}
{{ (system if loop.first else '') ~ message.content | trim }}<end_of_turn>
{% endfor -%}
{%- if add_generation_prompt %}<start_of_turn>model
{% endif %})"},
    BuiltinTemplate{"phi3", R"({%- for message in messages -%}
<|{{ message.role }}|>
{{ message.content }}<|end|>
{% endfor -%}
{%- if add_generation_prompt %}<|assistant|>
{% endif %})"},
    BuiltinTemplate{"zephyr", R"({%- for message in messages -%}
<|{{ message.role }}|>
{{ message.content ~ eos_token }}
{% endfor -%}
{%- if add_generation_prompt %}<|assistant|>
{% endif %})"},
};

}  // namespace

std::span<const BuiltinTemplate> builtin_templates() {
  return kBuiltin;
}

std::optional<std::string_view> builtin_template(std::string_view name) {
  const auto* found = std::ranges::find(kBuiltin, name, &BuiltinTemplate::name);
  return found == kBuiltin.end() ? std::nullopt : std::optional(found->source);
}

}  // namespace quipu::chat_template
