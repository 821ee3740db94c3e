if(TARGET quipu)
  add_test(NAME tools.end_to_end COMMAND Python3::Interpreter "${CMAKE_CURRENT_SOURCE_DIR}/tools/tools_e2e_test.py")
  set_tests_properties(tools.end_to_end PROPERTIES TIMEOUT 300 ENVIRONMENT
    "QUIPU=$<TARGET_FILE:quipu>;TEST_MODEL=${QUIPU_MODELS_DIR}/SmolLM2-135M-Instruct.Q4_1.gguf")
endif()
