# What a cross build does otherwise than the native one. Rooms that no token waits for are compiled for size, and the large
# headers are parsed once for them, so that a target takes half the time (with clang; GCC gains little).
set(quipu_small_rooms platform text gguf grammar model engine server pack chat tools cli)

target_compile_options(quipu_flags INTERFACE -fno-rtti) # nobody asks for a type's name, and those of templates are long
target_compile_definitions(quipu_flags INTERFACE JSON_NOEXCEPTION FMT_USE_LOCALE=0 FMT_OPTIMIZE_SIZE=1)
# Nobody catches what is thrown but the files below: elsewhere an exception ends the program with and without tables for
# unwinding, which take a sixth of it.
set(quipu_small -Oz "SHELL:-Xclang -Oz") # zig makes -Os of -Oz by itself, which is a sixth more
set(quipu_no_exceptions -fno-exceptions -fno-unwind-tables -fno-asynchronous-unwind-tables)
set(quipu_throwing "${CMAKE_SOURCE_DIR}/src/base/random.cpp" "${CMAKE_SOURCE_DIR}/src/cli/main.cpp")
foreach(name channel connection http_server)
  list(APPEND quipu_boost "${CMAKE_SOURCE_DIR}/src/server/http/${name}.cpp")
endforeach()
list(APPEND quipu_throwing ${quipu_boost})
target_compile_options(quipu_fmt PRIVATE ${quipu_no_exceptions} ${quipu_small})
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

# The files of a room are compiled as one, which takes a third of the time, but for those with flags of their own and
# these: another file of the room has a name of its own that is the same as theirs.
set(quipu_single_files
  backend/cpu/ops platform/streams_posix gguf/writer template/methods template/parser template/tests pack/manifest pack/program_cache
  pack/zip_writer grammar/mask_cache grammar/regex grammar/schema_compiler quant/fit quant/grid_fit quant/super_block
  cli/run_quantize chat/line_editor/editor_view chat/markdown/inline_parser chat/session server/api/completions server/api/embeddings
  server/api/llama_completion server/api/responses server/tools/mistral tools/quantize/importance)
list(TRANSFORM quipu_single_files REPLACE "(.+)" "${CMAKE_SOURCE_DIR}/src/\\1.cpp")

# Flags that all files of a room have of their own become flags of the room.
function(quipu_lift_flags room flags)
  get_target_property(sources room_${room} SOURCES)
  foreach(source IN LISTS sources)
    get_source_file_property(own "${source}" COMPILE_OPTIONS)
    if(own STREQUAL flags)
      set_property(SOURCE "${source}" PROPERTY COMPILE_OPTIONS) # an empty value would still keep it single
    endif()
  endforeach()
  target_compile_options(room_${room} PRIVATE ${flags})
endfunction()

# For the rooms, once they are there.
function(quipu_compile_small)
  set_source_files_properties(${quipu_single_files} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  set_property(SOURCE ${quipu_throwing} APPEND PROPERTY COMPILE_OPTIONS -fexceptions -funwind-tables)
  set_property(SOURCE ${quipu_boost} APPEND PROPERTY COMPILE_OPTIONS -Xclang -Oz)
  # Every token waits for the masks.
  foreach(name mask_cache matcher stacks token_trie)
    set_property(SOURCE "${CMAKE_SOURCE_DIR}/src/grammar/${name}.cpp" APPEND PROPERTY COMPILE_OPTIONS -O2)
  endforeach()
  quipu_lift_flags(quant "-O3;-ffp-contract=off")
  foreach(room IN LISTS quipu_rooms)
    set_target_properties(room_${room} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 0)
    if(NOT room STREQUAL "template")
      target_compile_options(room_${room} PRIVATE ${quipu_no_exceptions})
    endif()
  endforeach()
  # First in the program, so that of the C++ library's functions that other rooms have too the ones are taken that
  # exceptions can go through.
  target_sources(quipu PRIVATE $<TARGET_OBJECTS:room_template>)
  foreach(room IN LISTS quipu_small_rooms)
    target_compile_options(room_${room} PRIVATE ${quipu_small})
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
  target_compile_options(room_template PRIVATE ${quipu_small})
  target_sources(quipu PRIVATE "${CMAKE_SOURCE_DIR}/dist/no_demangler.cpp")
  if(WIN32)
    target_sources(quipu PRIVATE "${quipu_resources}")
    set_source_files_properties("${quipu_resources}" PROPERTIES EXTERNAL_OBJECT ON)
  endif()
endfunction()
