# What a cross build does otherwise than the native one: fmt is compiled once, and the large headers are parsed once, so
# that a target takes half the time.
add_library(quipu_shared_headers STATIC "${CMAKE_SOURCE_DIR}/dist/fmt.cpp")
target_link_libraries(quipu_shared_headers PRIVATE quipu_flags)
target_precompile_headers(quipu_shared_headers PRIVATE
  <fmt/format.h> <nlohmann/json.hpp> <algorithm> <array> <atomic> <cstring> <filesystem> <functional> <map> <memory>
  <optional> <span> <string> <string_view> <utility> <variant> <vector>)

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

# For all rooms, once they are there.
function(quipu_share_headers)
  get_property(rooms DIRECTORY PROPERTY BUILDSYSTEM_TARGETS)
  list(FILTER rooms INCLUDE REGEX "^room_")
  foreach(room IN LISTS rooms)
    get_target_property(type ${room} TYPE)
    if(type STREQUAL "STATIC_LIBRARY")
      target_precompile_headers(${room} REUSE_FROM quipu_shared_headers)
      # Files with flags of their own can't use headers that were parsed under others.
      get_target_property(sources ${room} SOURCES)
      foreach(source IN LISTS sources)
        get_source_file_property(flags "${source}" COMPILE_OPTIONS)
        if(flags)
          set_source_files_properties("${source}" PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
        endif()
      endforeach()
    endif()
  endforeach()
  target_link_libraries(room_base PUBLIC quipu_shared_headers)
  if(WIN32)
    target_sources(quipu PRIVATE "${quipu_resources}")
    set_source_files_properties("${quipu_resources}" PROPERTIES EXTERNAL_OBJECT ON)
  endif()
endfunction()
