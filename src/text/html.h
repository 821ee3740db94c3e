// Text inside HTML.
#pragma once

#include <string>
#include <string_view>

namespace quipu::text {

// With & < > " ' as references, those that markupsafe (Jinja's `escape`) writes.
std::string escape_html(std::string_view text);

}  // namespace quipu::text
