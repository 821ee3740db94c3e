# The tests for a processor that an emulator stands in for: `ninja cross_tests`. They need GoogleTest's source, which
# Debian's libgtest-dev brings; at run time the files that the native ones need.
include("${CMAKE_SOURCE_DIR}/tests/programs.cmake")
set(QUIPU_GOOGLETEST_DIR "/usr/src/googletest" CACHE PATH "GoogleTest's source, for tests in a cross build")
if(EXISTS "${QUIPU_GOOGLETEST_DIR}/googlemock/src/gmock-all.cc")
  set(google "${QUIPU_GOOGLETEST_DIR}")
  add_library(cross_gtest STATIC EXCLUDE_FROM_ALL "${google}/googletest/src/gtest-all.cc"
    "${google}/googlemock/src/gmock-all.cc" "${google}/googlemock/src/gmock_main.cc")
  target_include_directories(cross_gtest SYSTEM PUBLIC "${google}/googletest/include" "${google}/googlemock/include"
    PRIVATE "${google}/googletest" "${google}/googlemock")
  add_custom_target(cross_tests)
  quipu_rooms_with_tests(rooms)
  foreach(room IN LISTS rooms)
    quipu_test_program(${room} cross_gtest)
    set_target_properties(test_${room} PROPERTIES EXCLUDE_FROM_ALL ON)
    add_dependencies(cross_tests test_${room})
  endforeach()
  target_compile_definitions(test_truth PRIVATE QUIPU_EMULATED) # a token takes a second
endif()
