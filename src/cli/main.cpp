#include "cli/run.h"
#include "platform/platform.h"
#include "platform/start.h"
#include "platform/terminal.h"

int main(int argc, char** argv) {
  quipu::platform::ignore_broken_pipes();
  quipu::platform::ignore_file_size_signal();
  quipu::platform::install_truncation_handler();
  return quipu::cli::run_program(quipu::platform::arguments_of_main(argc, argv));
}
