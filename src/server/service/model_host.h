// The models that the server has: loaded when first asked for, dropped when nobody has asked for long.
#pragma once

#include <chrono>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"
#include "engine/scheduler.h"

namespace quipu::server {

// Grammars in their compiled form, for the vocabulary of one model. From any thread.
class GrammarCache {
 public:
  using Compiled = std::shared_ptr<grammar::MaskCache>;
  // The one of that key; else made, and kept in place of the one that was used least recently.
  Result<Compiled> get(const std::string& key, const std::function<Result<Compiled>()>& make);

 private:
  static constexpr size_t kMostGrammars = 64;
  std::mutex mutex_;
  std::list<std::pair<std::string, Compiled>> grammars_;  // the last used one first
};

// A model that computes.
struct HostedModel {
  std::string name;  // as the API shows it
  std::shared_ptr<const engine::Model> model;
  std::shared_ptr<engine::Engine> engine;
  std::unique_ptr<engine::Scheduler> scheduler;
  mutable GrammarCache grammars;
};

struct ModelSource {
  std::string name;
  std::function<Result<std::unique_ptr<HostedModel>>()> load;
};

class ModelHost {
  struct Entry;

 public:
  // Keeps a model from being dropped. Copies count.
  class Lease {
   public:
    [[nodiscard]] const HostedModel& operator*() const { return *model_; }
    [[nodiscard]] const HostedModel* operator->() const { return model_.get(); }

   private:
    friend class ModelHost;
    explicit Lease(std::shared_ptr<const HostedModel> model) : model_(std::move(model)) {}
    std::shared_ptr<const HostedModel> model_;
  };

  // At least one source; names differ. `idle_time`: zero: models stay.
  ModelHost(std::vector<ModelSource> sources, std::chrono::seconds idle_time);
  // No lease may be left.
  ~ModelHost();
  ModelHost(const ModelHost&) = delete;
  ModelHost& operator=(const ModelHost&) = delete;

  // The model of that name, loaded if need be (blocks). An empty name means the first; where there is but one, so does
  // every name, since clients come with names of their own. Errors: not_found, which lists the names; those of loading.
  Result<Lease> acquire(std::string_view name);
  // The models that are loaded now. Does not count as use.
  [[nodiscard]] std::vector<Lease> loaded();
  [[nodiscard]] std::vector<std::string> names() const;
  // Whether the first model is there, which /health asks.
  [[nodiscard]] bool ready();

  // Drops models that were idle for long; called from time to time.
  void drop_idle();
  // No more acquire(); running requests get so long.
  void shutdown(double timeout_ms);

 private:
  std::vector<std::unique_ptr<Entry>> entries_;
  std::chrono::seconds idle_time_;
};

}  // namespace quipu::server
