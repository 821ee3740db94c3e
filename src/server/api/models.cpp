// GET /v1/models, /v1/models/NAME
#include "server/api/endpoints.h"

namespace quipu::server {
namespace {

Json model_json(const std::string& name) {
  return {{"id", name}, {"object", "model"}, {"created", 0}, {"owned_by", "quipu"}};
}

}  // namespace

Status list_models(Call& call, const Fields*) {
  Json data = Json::array();
  const auto all_loaded = call.service.host.loaded();
  for (const std::string& name : call.service.host.names()) {
    Json model = model_json(name);
    for (const auto& loaded : all_loaded) {
      if (loaded->name != name) continue;
      const auto& hp = loaded->model->hyperparameters();
      model["meta"] = {{"n_vocab", hp.n_vocab},
                       {"n_ctx_train", hp.n_ctx_train},
                       {"n_embd", hp.n_embd},
                       {"n_ctx", loaded->engine->n_ctx()}};
    }
    data.push_back(std::move(model));
  }
  call.respond({{"object", "list"}, {"data", std::move(data)}});
  return {};
}

Status one_model(Call& call, const Fields*) {
  for (const std::string& name : call.service.host.names()) {
    if (name != call.tail) continue;
    call.respond(model_json(name));
    return {};
  }
  return error_of(ErrorKind::not_found, "$.model: there is no model '{}'", call.tail.substr(0, 200));
}

}  // namespace quipu::server
