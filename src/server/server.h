// The HTTP server with the OpenAI API, and llama.cpp's own endpoints. What each endpoint takes: docs/server.md, and
// /openapi.json of a running server.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "server/api/generation.h"
#include "server/service/model_host.h"

namespace quipu::server {

struct ServerOptions {
  std::string host = "127.0.0.1";
  uint16_t port = 8080;
  std::string url_prefix;
  std::vector<std::string> api_keys;
  std::string api_key_file;
  std::vector<std::string> cors_origins;  // beside those of this machine; "*": all
  std::string folder;                     // its files are served; empty: none
  std::string slot_folder;                // where slots are saved; empty: nowhere
  GenerationDefaults defaults;
  bool metrics = false;
  std::chrono::seconds timeout{600};  // for silent clients, and for running requests when the server stops
  std::chrono::seconds model_idle_time{0};
  bool handle_signals = false;                            // see HttpOptions
  bool load_first = false;                                // the first model is loaded before the first request
  std::function<void(std::string_view line)> access_log;  // a JSON text for each request, from the HTTP thread
  Log log;
};

class Server {
 public:
  // Binds; serves from then on, in threads of its own. Errors: an address that can't be had, a key file that can't be
  // read.
  static Result<std::unique_ptr<Server>> create(const ServerOptions& options, std::vector<ModelSource> models);
  // Cancels what runs.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Where it listens: "http://127.0.0.1:8080".
  [[nodiscard]] std::string url() const;
  // Lets running requests finish, no longer than the timeout; wait() returns then.
  void stop();
  void wait();

 private:
  struct State;
  explicit Server(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace quipu::server
