target_link_libraries(test_truth PRIVATE room_engine)
target_include_directories(test_truth PRIVATE "${CMAKE_CURRENT_LIST_DIR}")
