#include "server/server.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "server/api/anthropic_errors.h"
#include "server/http/http_server.h"
#include "server/service/files.h"
#include "server/service/service.h"

namespace quipu::server {
namespace {

struct Route {
  const Endpoint* endpoint = nullptr;
  std::string tail;
  std::vector<std::string_view> methods;  // that the path takes; none: it is not served
};

Route route_of(const Request& request) {
  Route route;
  const std::string_view method = request.method == "HEAD" ? "GET" : std::string_view(request.method);
  for (const Endpoint& endpoint : endpoints()) {
    std::string_view path = endpoint.path;
    std::string tail;
    if (path.ends_with('*')) {
      path.remove_suffix(1);
      if (!request.path.starts_with(path) || request.path.size() == path.size()) continue;
      tail = request.path.substr(path.size());
    } else if (request.path != path) {
      continue;
    }
    route.methods.push_back(endpoint.method);
    if (method != endpoint.method) continue;
    route.endpoint = &endpoint;
    route.tail = std::move(tail);
  }
  return route;
}

// The header's value: what the path takes, or for one that is not served, what any path may take.
std::string allowed(const Route& route) {
  if (route.methods.empty()) return "GET, HEAD, POST, OPTIONS";
  std::string list;
  for (const std::string_view method : route.methods) {
    list += method == "GET" ? "GET, HEAD, " : fmt::format("{}, ", method);
  }
  return list + "OPTIONS";
}

// What a request is answered with instead of being handled: looked at before its body is read.
std::optional<Response> admit(const Service& service, const Request& request) {
  const bool has_key = service.keys.required() && service.keys.allows(key_of(request));
  if (const auto reason = service.origins.refusal(request, has_key)) return error_response(api_error(403, *reason));
  const Route route = route_of(request);
  if (request.method == "OPTIONS") return Response{204, "text/plain", "", {{"Allow", allowed(route)}}};
  if (service.keys.required() && !has_key && !(route.endpoint != nullptr && route.endpoint->open))
    return error_response(api_error(401, "the request carries no valid API key (Authorization: Bearer KEY)"));
  if (route.endpoint != nullptr) return std::nullopt;
  if (route.methods.empty() && request.method == "GET" && !service.options.folder.empty()) return std::nullopt;
  if (route.methods.empty())
    return error_response(
        api_error(404, fmt::format("there is no {} here", request.path.empty() ? "such path" : request.path)));
  Response response = error_response(api_error(405, fmt::format("{} does not take {}", request.path, request.method)));
  response.headers.push_back({"Allow", allowed(route)});
  return response;
}

Response error_for(const Endpoint& endpoint, const Error& error, const std::string& request_id) {
  return endpoint.anthropic ? anthropic_error_response(api_error(error), request_id) : error_response(api_error(error));
}

void work(Service& service, const std::shared_ptr<Exchange>& exchange, const Route& route) {
  if (exchange->gone()) return;
  Call call{service, exchange, Json(), route.tail};
  const Endpoint& endpoint = *route.endpoint;
  const auto run = [&]() -> Status {
    if (endpoint.table == nullptr) return endpoint.handle(call, nullptr);
    const std::string& body = exchange->request().body;
    QUIPU_TRY(call.body, parse_json(body.empty() ? "{}" : body));
    QUIPU_TRY(const Fields fields, Fields::of(endpoint.table(), call.body));
    return endpoint.handle(call, &fields);
  };
  if (const Status status = run(); !status.ok())
    exchange->respond(error_for(endpoint, status.error(), exchange->request().id));
}

void handle(Service& service, const std::shared_ptr<Exchange>& exchange) {
  service.http.n_requests++;
  const Route route = route_of(exchange->request());
  std::function<void()> task;
  if (route.endpoint != nullptr) {
    task = [&service, exchange, route] { work(service, exchange, route); };
  } else {
    task = [&service, exchange] { serve_file(service.options.folder, *exchange); };
  }
  if (!service.workers.post(std::move(task)))
    exchange->respond(error_response(api_error(error_of(ErrorKind::busy, "too many requests are waiting"))));
}

std::string access_line(const AccessRecord& record) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const double seconds = std::chrono::duration<double>(now).count();
  return json_text({{"time", std::round(seconds * 1000) / 1000},
                    {"id", record.request_id},
                    {"peer", record.peer},
                    {"method", record.method},
                    {"path", record.path},
                    {"status", record.status},
                    {"bytes_in", record.n_received},
                    {"bytes_out", record.n_sent},
                    {"ms", std::round(record.duration_ms * 1000) / 1000},
                    {"complete", record.complete}});
}

// "" or "/a/b".
Result<std::string> checked_prefix(std::string prefix) {
  while (prefix.ends_with('/')) prefix.pop_back();
  if (prefix.empty()) return prefix;
  if (!prefix.starts_with('/')) prefix = "/" + prefix;
  const auto parsed = parse_target(prefix);
  if (!parsed.ok() || parsed->path != prefix) return invalid_input("--url-prefix: '{}' is no plain path", prefix);
  return prefix;
}

bool is_loopback(const std::string& host) {
  return host == "localhost" || host.starts_with("127.") || host == "::1" || host == "[::1]" ||
         host.starts_with("unix:") || host.ends_with(".sock");
}

}  // namespace

struct Server::State {
  explicit State(const ServerOptions& options, std::vector<ModelSource> models) : service(options, std::move(models)) {}

  Service service;
  std::thread janitor;  // drops idle models
  std::mutex mutex;
  std::condition_variable condition;
  bool closing = false;
  std::unique_ptr<HttpServer> http;  // the last member: no request comes when the others go

  Status start();
  Status load_keys();
  void reload_keys();
};

Status Server::State::load_keys() {
  QUIPU_TRY(auto keys, ApiKeys::read(service.options.api_keys, service.options.api_key_file));
  service.keys.set(std::move(keys));
  return {};
}

void Server::State::reload_keys() {
  const Status status = load_keys();
  log_to(service.options.log, status.ok() ? LogLevel::info : LogLevel::warning,
         status.ok() ? "the API keys were read again" : "the API keys stay as they are: " + status.error().message);
}

Status Server::State::start() {
  const ServerOptions& options = service.options;
  QUIPU_CHECK_OK(load_keys());
  if (options.load_first) {
    const auto first = service.host.acquire("");
    if (!first.ok()) return first.error();
  }
  HttpOptions http_options;
  http_options.host = options.host;
  http_options.port = options.port;
  http_options.prefix = options.url_prefix;
  http_options.limits.idle_time = options.timeout;
  http_options.limits.drain_time = options.timeout;
  http_options.limits.write_time = std::min<std::chrono::milliseconds>(options.timeout, http_options.limits.write_time);
  http_options.admit = [this](const Request& request) { return admit(service, request); };
  http_options.handle = [this](const std::shared_ptr<Exchange>& exchange) { handle(service, exchange); };
  http_options.extra_headers = [this](const Request& request) { return service.origins.headers(request); };
  http_options.error_response = [](int status, const std::string& message) {
    return error_response(api_error(status, message));
  };
  http_options.on_access = [this](const AccessRecord& record) {
    if (record.status >= 500) {
      service.http.n_server_errors++;
    } else if (record.status >= 400) {
      service.http.n_errors++;
    }
    if (service.options.access_log) service.options.access_log(access_line(record));
  };
  http_options.handle_signals = options.handle_signals;
  http_options.on_reload = [this] { reload_keys(); };
  QUIPU_TRY(http, HttpServer::create(std::move(http_options)));
  service.n_connections = [this] { return http->n_connections(); };
  if (!is_loopback(options.host) && !service.keys.required()) {
    log_to(options.log, LogLevel::warning,
           fmt::format("anybody who reaches {} can use this server: --api-key asks for a key", options.host));
  }
  if (options.model_idle_time.count() > 0) {
    janitor = std::thread([this] {
      std::unique_lock lock(mutex);
      while (!condition.wait_for(lock, std::chrono::seconds(1), [this] { return closing; })) service.host.drop_idle();
    });
  }
  http->start();
  return {};
}

Server::Server(std::unique_ptr<State> state) : state_(std::move(state)) {}

Result<std::unique_ptr<Server>> Server::create(const ServerOptions& options, std::vector<ModelSource> models) {
  ServerOptions checked = options;
  QUIPU_TRY(checked.url_prefix, checked_prefix(options.url_prefix));
  auto state = std::make_unique<State>(checked, std::move(models));
  QUIPU_CHECK_OK(state->start());
  return std::unique_ptr<Server>(new Server(std::move(state)));
}

Server::~Server() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->closing = true;
  }
  state_->condition.notify_all();
  if (state_->janitor.joinable()) state_->janitor.join();
  state_->service.host.shutdown(0);
}

std::string Server::url() const {
  return state_->http->url();
}

void Server::stop() {
  state_->http->stop();
}

void Server::wait() {
  state_->http->wait();
}

}  // namespace quipu::server
