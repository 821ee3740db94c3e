# licenses.cpp holds the texts that --licenses prints: the project's own, and those of the libraries in the program, as
# they come with them.
function(quipu_add_license name text)
  string(APPEND quipu_licenses_body "    {\"${name}\", R\"quipu(${text})quipu\"},\n")
  set(quipu_licenses_body "${quipu_licenses_body}" PARENT_SCOPE)
endfunction()

set(quipu_licenses_body "")
set(json_license "${QUIPU_DEPS_DIR}/nlohmann-json/nlohmann_json-3.12.0.dist-info/licenses/LICENSE")
set(fmt_header "${QUIPU_DEPS_DIR}/fmt/cmeel.prefix/include/fmt/format.h")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
  "${CMAKE_SOURCE_DIR}/LICENSE" "${json_license}" "${fmt_header}")
file(READ "${CMAKE_SOURCE_DIR}/LICENSE" text)
quipu_add_license("quipu" "${text}")
file(READ "${fmt_header}" text LIMIT 8192) # the licence is its first comment
string(FIND "${text}" "*/" end)
string(SUBSTRING "${text}" 3 ${end} text)
string(FIND "${text}" "*/" end)
string(SUBSTRING "${text}" 0 ${end} text)
quipu_add_license("fmt" "${text}")
file(READ "${json_license}" text)
quipu_add_license("nlohmann-json" "${text}")
file(CONFIGURE OUTPUT "${CMAKE_BINARY_DIR}/generated/licenses.cpp" CONTENT [[
#include "cli/licenses.h"

namespace quipu::cli {
namespace {
constexpr License kLicenses[] = {
@quipu_licenses_body@};
}  // namespace

std::span<const License> licenses() {
  return kLicenses;
}
}  // namespace quipu::cli
]] @ONLY)
list(APPEND sources "${CMAKE_BINARY_DIR}/generated/licenses.cpp")
