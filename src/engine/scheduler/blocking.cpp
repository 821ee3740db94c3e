// Scheduler::run: what happens on the scheduler's thread is told on the caller's.
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>

#include "engine/scheduler.h"

namespace quipu::engine {
namespace {

// A key that asks to stop is heard at once, as people feel it.
constexpr std::chrono::milliseconds kLookInterval(50);

struct Mailbox {
  std::mutex mutex;
  std::condition_variable came;
  std::deque<std::function<void()>> events;
  std::optional<Result<Answered>> result;

  void push(std::function<void()> event) {
    {
      const std::lock_guard lock(mutex);
      events.push_back(std::move(event));
    }
    came.notify_one();
  }
};

// A listener that puts copies of all events into the mailbox.
Listener forwarding(const std::shared_ptr<Mailbox>& box, const Listener& to) {
  Listener listener;
  if (to.on_prompt)
    listener.on_prompt = [box, &to](size_t n_done, size_t n_total) {
      box->push([&to, n_done, n_total] { to.on_prompt(n_done, n_total); });
    };
  if (to.on_prompt_logprobs)
    listener.on_prompt_logprobs = [box, &to](size_t first, std::span<const TokenLogprobs> logprobs) {
      box->push(
          [&to, first, copy = std::vector(logprobs.begin(), logprobs.end())] { to.on_prompt_logprobs(first, copy); });
    };
  if (to.on_token)
    listener.on_token = [box, &to](const TokenEvent& event) {
      box->push([&to, event, text = std::string(event.text), logprobs = *event.logprobs] {
        TokenEvent copy = event;
        copy.text = text;
        copy.logprobs = &logprobs;
        to.on_token(copy);
      });
    };
  if (to.on_answer)
    listener.on_answer = [box, &to](uint32_t answer, const Generated& generated) {
      box->push([&to, answer, generated] { to.on_answer(answer, generated); });
    };
  listener.on_done = [box](Result<Answered> result) {
    {
      const std::lock_guard lock(box->mutex);
      box->result = std::move(result);
    }
    box->came.notify_one();
  };
  return listener;
}

}  // namespace

Result<Answered> Scheduler::run(Request request, const Listener& listener, std::stop_token stop,
                                const std::function<bool()>& stop_requested) {
  const auto box = std::make_shared<Mailbox>();
  QUIPU_TRY(const RequestId id, submit(std::move(request), forwarding(box, listener)));
  const std::stop_callback on_stop(std::move(stop), [this, id] { cancel(id); });
  bool stopped = false;
  std::unique_lock lock(box->mutex);
  for (;;) {
    const auto has_come = [&] { return !box->events.empty() || box->result; };
    if (!stop_requested || stopped) box->came.wait(lock, has_come);
    if (box->came.wait_for(lock, kLookInterval, has_come)) {
      if (box->events.empty()) return std::move(*box->result);
      const auto event = std::move(box->events.front());
      box->events.pop_front();
      lock.unlock();
      event();
    } else {
      lock.unlock();
    }
    if (stop_requested && !stopped && stop_requested()) {
      stopped = true;
      cancel(id);
    }
    lock.lock();
  }
}

Result<Answered> Scheduler::run(Request request, const OnText& on_text, std::stop_token stop) {
  std::stop_source ours;
  const std::stop_callback on_stop(std::move(stop), [&] { ours.request_stop(); });
  Listener listener;
  if (on_text)
    listener.on_token = [&](const TokenEvent& event) {
      if (!event.text.empty() && !ours.stop_requested() && !on_text(event.text)) ours.request_stop();
    };
  return run(std::move(request), listener, ours.get_token());
}

}  // namespace quipu::engine
