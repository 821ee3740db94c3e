# Not a test and not built by default: `ninja bench_kernels`.
add_executable(bench_kernels EXCLUDE_FROM_ALL "${CMAKE_CURRENT_SOURCE_DIR}/kernels/bench_kernels.cpp"
                                              "${CMAKE_CURRENT_SOURCE_DIR}/kernels/limits.cpp")
target_link_libraries(bench_kernels PRIVATE quipu_flags room_kernels room_platform)
target_include_directories(bench_kernels PRIVATE "${CMAKE_SOURCE_DIR}")
