# Boost serves the HTTP files alone; its headers are not ours, so no warnings.
set(boost_sources "${CMAKE_SOURCE_DIR}/src/server/http/channel.cpp" "${CMAKE_SOURCE_DIR}/src/server/http/connection.cpp"
  "${CMAKE_SOURCE_DIR}/src/server/http/http_server.cpp")
set(boost_flags "-isystem" "${QUIPU_DEPS_DIR}/boost/boost_headers/include" "-DBOOST_ERROR_CODE_HEADER_ONLY")
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 16)
  # These have coroutines, but libstdc++ looks for the macro.
  list(APPEND boost_flags "-D__cpp_impl_coroutine=201902L" "-Wno-builtin-macro-redefined")
  if(QUIPU_SANITIZE)
    list(APPEND boost_flags "-fno-sanitize=function") # its data and a coroutine's parts can't be told apart by the assembler
  endif()
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  list(APPEND boost_flags "-Wno-mismatched-new-delete") # GCC sees only half of a coroutine's allocation
endif()
if(QUIPU_SANITIZE MATCHES "thread")
  list(APPEND boost_flags "-DBOOST_ASIO_DISABLE_FENCED_BLOCK") # ThreadSanitizer knows no fences; Asio's mutexes do alone
endif()
set_source_files_properties(${boost_sources} PROPERTIES COMPILE_OPTIONS "${boost_flags}")
