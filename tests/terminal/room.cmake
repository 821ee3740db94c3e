# A test for each folder of scenarios, run by the references' Python, which has the terminal emulator.
if(TARGET quipu)
  file(GLOB folders LIST_DIRECTORIES true CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/terminal/*")
  foreach(folder IN LISTS folders)
    if(NOT IS_DIRECTORY "${folder}" OR folder MATCHES "__pycache__")
      continue()
    endif()
    get_filename_component(name "${folder}" NAME)
    add_test(NAME terminal.${name} COMMAND "${CMAKE_SOURCE_DIR}/build/references/venv/bin/python"
      "${CMAKE_CURRENT_SOURCE_DIR}/terminal/run.py" "${folder}")
    set_tests_properties(terminal.${name} PROPERTIES TIMEOUT 300 ENVIRONMENT
      "QUIPU=$<TARGET_FILE:quipu>;TEST_MODEL=${QUIPU_MODELS_DIR}/SmolLM2-135M-Instruct.Q4_1.gguf;\
TEST_TINY_MODEL=${CMAKE_SOURCE_DIR}/build/references/terminal/tiny.gguf")
  endforeach()
endif()
