# The portable file, around scripts and the native program. What make dist made is tested by make test-portable, as are all
# tests on ARM64, of which a part is here.
foreach(name head launchers)
  add_test(NAME portable.${name} COMMAND Python3::Interpreter "${CMAKE_CURRENT_SOURCE_DIR}/portable/${name}_test.py")
  set_tests_properties(portable.${name} PROPERTIES TIMEOUT 300)
endforeach()
if(TARGET quipu AND CMAKE_SYSTEM_NAME STREQUAL "Linux" AND NOT QUIPU_SANITIZE)
  add_test(NAME portable.file COMMAND Python3::Interpreter "${CMAKE_CURRENT_SOURCE_DIR}/portable/portable_test.py")
  set_tests_properties(portable.file PROPERTIES TIMEOUT 600 ENVIRONMENT
    "QUIPU=$<TARGET_FILE:quipu>;TEST_MODEL=${QUIPU_MODELS_DIR}/SmolLM2-135M-Instruct.Q4_1.gguf")
endif()
if(NOT QUIPU_SANITIZE)
  add_test(NAME portable.arm64
    COMMAND Python3::Interpreter "${CMAKE_CURRENT_SOURCE_DIR}/portable/dist_test.py" CrossTest.test_a_part)
  set_tests_properties(portable.arm64 PROPERTIES TIMEOUT 1200 PROCESSORS 2)
endif()
