// quipu --server
#include "cli/run_modes.h"
#include "cli/server_setup.h"
#include "cli/streams.h"

namespace quipu::cli {

Result<int> run_server(const Invocation& invocation) {
  QUIPU_TRY(auto sources, model_sources(invocation));
  QUIPU_TRY(server::ServerOptions options, server_options(invocation));
  options.handle_signals = true;
  options.load_first = true;
  QUIPU_TRY(const auto server, server::Server::create(options, std::move(sources)));
  if (!invocation.options.log_disable) print_note(fmt::format("listening on {}", server->url()));
  server->wait();
  return 0;
}

}  // namespace quipu::cli
