# What a cross build does otherwise than the native one. Rooms that no token waits for are compiled for size, and the large
# headers are parsed once for them, so that a target takes half the time (with clang; GCC gains little).
set(quipu_small_rooms platform text gguf template model engine server pack chat tools cli)
target_compile_options(quipu_fmt PRIVATE -Os)
target_precompile_headers(quipu_fmt PRIVATE
  <fmt/format.h> <nlohmann/json.hpp> <algorithm> <array> <atomic> <cstring> <filesystem> <functional> <map> <memory>
  <optional> <span> <string> <string_view> <utility> <variant> <vector>)

# What nobody calls stays out of the program.
target_compile_options(quipu_flags INTERFACE -ffunction-sections -fdata-sections)
if(CMAKE_SYSTEM_NAME STREQUAL "Darwin")
  target_link_options(quipu_flags INTERFACE -Wl,-dead_strip -Wl,-x) # -s leaves the names of local functions there
else()
  target_link_options(quipu_flags INTERFACE -Wl,--gc-sections)
endif()

if(WIN32)
  # Sockets; the resource makes UTF-8 the code page of the process (Windows 10 1903) and allows long paths.
  target_link_libraries(quipu_flags INTERFACE ws2_32 mswsock advapi32 shell32)
  set(quipu_resources "${CMAKE_BINARY_DIR}/quipu.res")
  add_custom_command(OUTPUT "${quipu_resources}"
    COMMAND "${QUIPU_ZIG}" rc "${CMAKE_SOURCE_DIR}/dist/windows/quipu.rc" "${quipu_resources}"
    DEPENDS "${CMAKE_SOURCE_DIR}/dist/windows/quipu.rc" "${CMAKE_SOURCE_DIR}/dist/windows/quipu.manifest" VERBATIM)
elseif(CMAKE_SYSTEM_NAME STREQUAL "NetBSD")
  target_compile_definitions(quipu_flags INTERFACE BOOST_ASIO_DISABLE_KQUEUE) # Asio's use of it does not compile there
elseif(CMAKE_SYSTEM_NAME STREQUAL "OpenBSD")
  # Jumps to places without a mark end a program there.
  if(CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
    target_compile_options(quipu_flags INTERFACE -fcf-protection=branch)
  else()
    target_compile_options(quipu_flags INTERFACE -mbranch-protection=bti)
  endif()
endif()

# For the rooms, once they are there.
function(quipu_share_headers)
  foreach(room IN LISTS quipu_small_rooms)
    target_compile_options(room_${room} PRIVATE -Os)
    target_precompile_headers(room_${room} REUSE_FROM quipu_fmt)
    # Files with flags of their own can't use headers that were parsed under others.
    get_target_property(sources room_${room} SOURCES)
    foreach(source IN LISTS sources)
      get_source_file_property(flags "${source}" COMPILE_OPTIONS)
      if(flags)
        set_source_files_properties("${source}" PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
      endif()
    endforeach()
  endforeach()
  if(WIN32)
    target_sources(quipu PRIVATE "${quipu_resources}")
    set_source_files_properties("${quipu_resources}" PROPERTIES EXTERNAL_OBJECT ON)
  endif()
endfunction()
