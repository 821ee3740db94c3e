# A test for each scenario, run by the references' Python, which has the terminal emulator.
if(TARGET quipu)
  file(GLOB scenarios CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/terminal/*.txt")
  foreach(scenario IN LISTS scenarios)
    get_filename_component(name "${scenario}" NAME_WE)
    add_test(NAME terminal.${name} COMMAND "${CMAKE_SOURCE_DIR}/build/references/venv/bin/python"
      "${CMAKE_CURRENT_SOURCE_DIR}/terminal/run.py" "${scenario}")
    set_tests_properties(terminal.${name} PROPERTIES TIMEOUT 120 ENVIRONMENT
      "QUIPU=$<TARGET_FILE:quipu>;TEST_MODEL=${QUIPU_MODELS_DIR}/SmolLM2-135M-Instruct.Q4_1.gguf")
  endforeach()
endif()
