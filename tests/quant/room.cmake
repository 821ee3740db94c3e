add_executable(bench_encoders EXCLUDE_FROM_ALL "${CMAKE_CURRENT_SOURCE_DIR}/quant/encoders_bench.cpp")
target_link_libraries(bench_encoders PRIVATE room_quant)
