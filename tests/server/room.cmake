# Programs that run a server and talk to it with the official clients (scripts/clients.sh).
if(TARGET quipu)
  set(client_timeout_s 30)
  set(clients_timeout_s 600)
  if(QUIPU_SANITIZE)
    set(client_timeout_s 600)
    set(clients_timeout_s 3000)
  endif()
  foreach(name openai_client openai_node anthropic_client llama_endpoints bad_input)
    add_test(NAME server.${name} COMMAND "${CMAKE_SOURCE_DIR}/build/clients/venv/bin/python"
      "${CMAKE_CURRENT_SOURCE_DIR}/server/clients/${name}.py")
    set_tests_properties(server.${name} PROPERTIES TIMEOUT ${clients_timeout_s} ENVIRONMENT
      "TEST_TIMEOUT=${client_timeout_s};PYTHONDONTWRITEBYTECODE=1;QUIPU=$<TARGET_FILE:quipu>;TEST_MODEL=${QUIPU_MODELS_DIR}/SmolLM2-135M-Instruct.Q4_1.gguf")
  endforeach()
  # The short form of `make soak`.
  add_test(NAME server.soak COMMAND "${CMAKE_SOURCE_DIR}/build/references/venv/bin/python"
    "${CMAKE_SOURCE_DIR}/scripts/soak.py" --seconds 8 --bad 60 --honest 4 --questions 3)
  set_tests_properties(server.soak PROPERTIES TIMEOUT ${clients_timeout_s} ENVIRONMENT
    "PYTHONDONTWRITEBYTECODE=1;QUIPU=$<TARGET_FILE:quipu>;TEST_TINY_MODEL=${CMAKE_SOURCE_DIR}/build/references/terminal/tiny.gguf")
endif()
