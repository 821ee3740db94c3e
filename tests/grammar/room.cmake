add_executable(bench_masks EXCLUDE_FROM_ALL "${CMAKE_CURRENT_SOURCE_DIR}/grammar/mask_bench.cpp")
target_link_libraries(bench_masks PRIVATE room_grammar room_tokenizer)
