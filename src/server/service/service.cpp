#include "server/service/service.h"

namespace quipu::server {

Status submit(const ModelHost::Lease& model, engine::Request request, engine::Listener listener,
              const std::shared_ptr<Exchange>& exchange) {
  QUIPU_TRY(const engine::RequestId id, model->scheduler->submit(std::move(request), std::move(listener)));
  exchange->on_gone([model, id] { model->scheduler->cancel(id); });
  return {};
}

}  // namespace quipu::server
