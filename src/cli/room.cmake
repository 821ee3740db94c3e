# licenses.cpp holds the texts that --licenses prints: the project's own, and those of the libraries in the program, as
# they come with them.
function(quipu_add_license name text)
  string(APPEND quipu_licenses_body "    {\"${name}\", R\"quipu(${text})quipu\"},\n")
  set(quipu_licenses_body "${quipu_licenses_body}" PARENT_SCOPE)
endfunction()

set(quipu_licenses_body "")
# The licence's text that this package has is right, but names the package's makers alone: the author is in the header.
set(json_license "${QUIPU_DEPS_DIR}/nlohmann-json/nlohmann_json-3.12.0.dist-info/licenses/LICENSE")
set(json_header "${QUIPU_DEPS_DIR}/nlohmann-json/nlohmann_json/include/nlohmann/json.hpp")
set(boost_license "${QUIPU_DEPS_DIR}/boost/boost_headers-1.85.0.post1.dist-info/licenses/LICENSE")
set(fmt_header "${QUIPU_DEPS_DIR}/fmt/cmeel.prefix/include/fmt/format.h")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
  "${CMAKE_SOURCE_DIR}/LICENSE" "${json_license}" "${json_header}" "${fmt_header}" "${boost_license}")
file(READ "${CMAKE_SOURCE_DIR}/LICENSE" text)
quipu_add_license("quipu" "${text}")
file(READ "${fmt_header}" text LIMIT 8192) # the licence is its first comment
string(FIND "${text}" "*/" end)
string(SUBSTRING "${text}" 3 ${end} text)
string(FIND "${text}" "*/" end)
string(SUBSTRING "${text}" 0 ${end} text)
quipu_add_license("fmt" "${text}")
file(STRINGS "${json_header}" author LIMIT_COUNT 8 REGEX "SPDX-FileCopyrightText")
string(REGEX REPLACE "^// *SPDX-FileCopyrightText: *" "Copyright (c) " author "${author}")
file(READ "${json_license}" text)
quipu_add_license("nlohmann-json" "${author}\nPackaged by:\n${text}")
file(READ "${boost_license}" text)
quipu_add_license("Boost" "${text}")
if(QUIPU_ZIG_TARGET)
  # Its libraries are part of the program.
  cmake_path(GET QUIPU_ZIG PARENT_PATH zig)
  set(zig_licenses "libc++=libcxx/LICENSE.TXT")
  if(QUIPU_ZIG_TARGET MATCHES "musl")
    list(APPEND zig_licenses "musl=libc/musl/COPYRIGHT")
  elseif(WIN32)
    list(APPEND zig_licenses "mingw-w64=libc/mingw/COPYING")
  endif()
  foreach(entry IN LISTS zig_licenses)
    string(REPLACE "=" ";" entry "${entry}")
    list(GET entry 0 license_name)
    list(GET entry 1 license_file)
    file(READ "${zig}/lib/${license_file}" text)
    quipu_add_license("${license_name}" "${text}")
  endforeach()
endif()
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
