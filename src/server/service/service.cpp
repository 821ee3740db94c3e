#include "server/service/service.h"

namespace quipu::server {

Status submit_all(const ModelHost::Lease& model, std::vector<Submission> submissions,
                  const std::shared_ptr<Exchange>& exchange) {
  std::vector<engine::RequestId> ids;
  for (Submission& one : submissions) {
    const auto id = model->scheduler->submit(std::move(one.request), std::move(one.listener));
    if (!id.ok()) {
      for (const engine::RequestId before : ids) model->scheduler->cancel(before);
      return id.error();
    }
    ids.push_back(*id);
  }
  exchange->on_gone([model, ids] {
    for (const engine::RequestId id : ids) model->scheduler->cancel(id);
  });
  return {};
}

Status submit(const ModelHost::Lease& model, engine::Request request, engine::Listener listener,
              const std::shared_ptr<Exchange>& exchange) {
  std::vector<Submission> one;
  one.push_back({std::move(request), std::move(listener)});
  return submit_all(model, std::move(one), exchange);
}

}  // namespace quipu::server
