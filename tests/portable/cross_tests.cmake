# Tests of what differs between processors, for a processor that an emulator stands in for: `ninja cross_tests`. They
# need GoogleTest's source, which Debian's libgtest-dev brings, and no files at run time.
set(QUIPU_GOOGLETEST_DIR "/usr/src/googletest" CACHE PATH "GoogleTest's source, for tests in a cross build")
if(EXISTS "${QUIPU_GOOGLETEST_DIR}/googlemock/src/gmock-all.cc")
  set(google "${QUIPU_GOOGLETEST_DIR}")
  add_library(cross_gtest STATIC EXCLUDE_FROM_ALL "${google}/googletest/src/gtest-all.cc"
    "${google}/googlemock/src/gmock-all.cc" "${google}/googlemock/src/gmock_main.cc")
  target_include_directories(cross_gtest SYSTEM PUBLIC "${google}/googletest/include" "${google}/googlemock/include"
    PRIVATE "${google}/googletest" "${google}/googlemock")
  add_custom_target(cross_tests)
  foreach(room base quant kernels backend)
    file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/tests/${room}/*_test.cpp")
    add_executable(test_${room} EXCLUDE_FROM_ALL ${sources})
    target_link_libraries(test_${room} PRIVATE quipu_flags cross_gtest room_platform room_${room})
    target_include_directories(test_${room} PRIVATE "${CMAKE_SOURCE_DIR}")
    target_compile_definitions(test_${room} PRIVATE
      QUIPU_SOURCE_DIR="${CMAKE_SOURCE_DIR}" QUIPU_MODELS_DIR="${QUIPU_MODELS_DIR}"
      QUIPU_DEPS_DIR="${QUIPU_DEPS_DIR}" QUIPU_REFERENCES_DIR="${CMAKE_SOURCE_DIR}/build/references")
    add_dependencies(cross_tests test_${room})
  endforeach()
endif()
