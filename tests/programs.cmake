# tests/ROOM/*_test.cpp become one program test_ROOM, with GoogleTest from `google`: the native tests and those of a cross
# build (tests/portable/cross_tests.cmake). Each may use the room it is named after, platform, and what stands here.
set(test_uses_of_truth engine)

# `rooms`: the folders that have tests.
function(quipu_rooms_with_tests rooms)
  file(GLOB folders RELATIVE "${CMAKE_SOURCE_DIR}/tests" CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/tests/*")
  set(found "")
  foreach(room IN LISTS folders)
    file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/tests/${room}/*_test.cpp")
    if(sources)
      list(APPEND found ${room})
    endif()
  endforeach()
  set(${rooms} ${found} PARENT_SCOPE)
endfunction()

function(quipu_test_program room google)
  file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/tests/${room}/*_test.cpp")
  add_executable(test_${room} ${sources})
  target_link_libraries(test_${room} PRIVATE quipu_flags ${google} room_platform)
  foreach(used IN LISTS room test_uses_of_${room})
    if(TARGET room_${used})
      target_link_libraries(test_${room} PRIVATE room_${used})
    endif()
  endforeach()
  target_include_directories(test_${room} PRIVATE "${CMAKE_SOURCE_DIR}")
  target_compile_definitions(test_${room} PRIVATE
    QUIPU_SOURCE_DIR="${CMAKE_SOURCE_DIR}" QUIPU_MODELS_DIR="${QUIPU_MODELS_DIR}"
    QUIPU_DEPS_DIR="${QUIPU_DEPS_DIR}" QUIPU_REFERENCES_DIR="${CMAKE_SOURCE_DIR}/build/references")
endfunction()
