#include "server/service/model_host.h"

#include <fmt/ranges.h>
#include <algorithm>
#include <condition_variable>
#include <thread>

#include "base/check.h"

namespace quipu::server {

using Clock = std::chrono::steady_clock;

Result<GrammarCache::Compiled> GrammarCache::get(const std::string& key,
                                                 const std::function<Result<Compiled>()>& make) {
  {
    const std::lock_guard lock(mutex_);
    for (auto it = grammars_.begin(); it != grammars_.end(); ++it) {
      if (it->first != key) continue;
      grammars_.splice(grammars_.begin(), grammars_, it);
      return it->second;
    }
  }
  QUIPU_TRY(Compiled compiled, make());
  const std::lock_guard lock(mutex_);
  grammars_.emplace_front(key, compiled);
  if (grammars_.size() > kMostGrammars) grammars_.pop_back();
  return compiled;
}

struct ModelHost::Entry {
  ModelSource source;
  // A lease holds `uses`, whose count says whether the model is idle; the model itself is always ours to destroy, since
  // its scheduler's thread may hold the last lease.
  std::mutex mutex;
  std::unique_ptr<HostedModel> model;
  std::shared_ptr<HostedModel*> uses;
  Clock::time_point last_use;
  bool closed = false;

  Lease lease() {
    // Shares the count of `uses`, but points to the model.
    return Lease(std::shared_ptr<const HostedModel>(uses, model.get()));
  }
  void drop() {
    uses.reset();
    model.reset();
  }
};

ModelHost::ModelHost(std::vector<ModelSource> sources, std::chrono::seconds idle_time) : idle_time_(idle_time) {
  QUIPU_CHECK(!sources.empty());
  for (ModelSource& source : sources) {
    entries_.push_back(std::make_unique<Entry>());
    entries_.back()->source = std::move(source);
  }
}

ModelHost::~ModelHost() {
  shutdown(0);
  for (const auto& entry : entries_) {
    // The last lease may be on its way out of a callback.
    while (entry->uses && entry->uses.use_count() > 1) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    entry->drop();
  }
}

Result<ModelHost::Lease> ModelHost::acquire(std::string_view name) {
  Entry* entry = name.empty() || entries_.size() == 1 ? entries_.front().get() : nullptr;
  for (const auto& e : entries_) {
    if (e->source.name == name) entry = e.get();
  }
  if (entry == nullptr) {
    return error_of(ErrorKind::not_found, "$.model: there is no model '{}'; there are: {}", name.substr(0, 200),
                    fmt::join(names(), ", "));
  }
  const std::lock_guard lock(entry->mutex);
  if (entry->closed) return error_of(ErrorKind::cancelled, "the server is shutting down");
  if (!entry->model) {
    QUIPU_TRY(entry->model, entry->source.load());
    entry->model->name = entry->source.name;
    entry->uses = std::make_shared<HostedModel*>(entry->model.get());
  }
  entry->last_use = Clock::now();
  return entry->lease();
}

std::vector<ModelHost::Lease> ModelHost::loaded() {
  std::vector<Lease> leases;
  for (const auto& entry : entries_) {
    const std::unique_lock lock(entry->mutex, std::try_to_lock);  // one that is being loaded is not there yet
    if (lock.owns_lock() && entry->model) leases.push_back(entry->lease());
  }
  return leases;
}

std::vector<std::string> ModelHost::names() const {
  std::vector<std::string> names;
  for (const auto& entry : entries_) names.push_back(entry->source.name);
  return names;
}

bool ModelHost::ready() {
  const std::unique_lock lock(entries_.front()->mutex, std::try_to_lock);
  return lock.owns_lock() && entries_.front()->model != nullptr;
}

void ModelHost::drop_idle() {
  if (idle_time_.count() == 0) return;
  for (const auto& entry : entries_) {
    const std::unique_lock lock(entry->mutex, std::try_to_lock);
    if (!lock.owns_lock() || !entry->model) continue;
    if (entry->uses.use_count() > 1) {
      entry->last_use = Clock::now();
    } else if (Clock::now() - entry->last_use >= idle_time_) {
      entry->drop();
    }
  }
}

void ModelHost::shutdown(double timeout_ms) {
  for (const auto& entry : entries_) {
    const std::lock_guard lock(entry->mutex);
    entry->closed = true;
    if (entry->model && entry->model->scheduler) entry->model->scheduler->shutdown(timeout_ms);
  }
}

}  // namespace quipu::server
