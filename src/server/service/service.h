// What all endpoints work with.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "server/api/errors.h"
#include "server/api/fields.h"
#include "server/http/exchange.h"
#include "server/server.h"
#include "server/service/access.h"
#include "server/service/model_host.h"
#include "server/service/workers.h"

namespace quipu::server {

struct HttpCounts {
  std::atomic<uint64_t> n_requests{0}, n_errors{0}, n_server_errors{0};
};

struct Service {
  Service(const ServerOptions& o, std::vector<ModelSource> models)
      : options(o), origins(o.cors_origins), host(std::move(models), o.model_idle_time), workers(kWorkers, kQueue) {}

  // Two, so that one slow request (a schema, a template, a model that is loaded) does not keep all others waiting.
  static constexpr int kWorkers = 2;
  static constexpr size_t kQueue = 1024;

  ServerOptions options;
  ApiKeys keys;
  OriginRules origins;
  HttpCounts http;
  std::function<size_t()> n_connections;
  ModelHost host;
  Workers workers;  // the last member: its threads use the others
};

// A request to an endpoint.
struct Call {
  Service& service;
  std::shared_ptr<Exchange> exchange;
  Json body;         // null for an endpoint without a table
  std::string tail;  // what stands in the place of the path's "*"

  [[nodiscard]] const Request& request() const { return exchange->request(); }
  void respond(const Json& json) const { exchange->respond(json_response(json)); }
};

struct Endpoint {
  const char* method;
  const char* path;  // a "*" at its end stands for the rest
  const char* summary;
  const Table& (*table)();  // null: no body
  // Runs in a worker's thread; an error becomes the answer, so nothing may have been said before. The body was checked
  // against the table.
  Status (*handle)(Call& call, const Fields* fields);
  bool open = false;       // needs no key
  bool streams = false;    // may answer with server-sent events
  bool anthropic = false;  // errors in Anthropic's shape
  const char* content_type = "application/json";
};
std::span<const Endpoint> endpoints();

struct Submission {
  engine::Request request;
  engine::Listener listener;
};
// Submits, and cancels all when the client leaves. When the scheduler refuses one, its error is returned, and those
// before it are cancelled: their listeners may have been called already, and hear of their end.
Status submit_all(const ModelHost::Lease& model, std::vector<Submission> submissions,
                  const std::shared_ptr<Exchange>& exchange);
// The same for one. After an error its listener is not called.
Status submit(const ModelHost::Lease& model, engine::Request request, engine::Listener listener,
              const std::shared_ptr<Exchange>& exchange);

}  // namespace quipu::server
