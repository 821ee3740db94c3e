// The scheduler's step loop under thousands of random patterns of traffic, with a fake model and a fake clock. What is
// asserted is said beside each check. The seed of a failure is printed; QUIPU_SIMULATION_SEED=N runs that one alone.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <set>

#include "base/random.h"
#include "engine/scheduler/step_loop.h"
#include "engine/sequence_state.h"

namespace quipu::engine {
namespace {

using backend::cpu::KvPool;
using backend::cpu::KvShape;

// One answer as the fake model gives it.
struct FakeJob {
  JobSpec spec;
  std::vector<Token> tokens;  // prompt and answer so far
  size_t n_answer = 0;        // tokens until it ends
  size_t n_best = 0;          // positions that were ever computed
  bool started = false, cancelled = false;
  double arrival_s = 0.0;
  uint64_t arrival_step = 0;
};

// Writes each token into its place in the pages, in place of keys and values, and reads all that came before: so pages
// that are shared wrongly, copied too late or given away too early are seen.
class FakeModel final : public Driver {
 public:
  FakeModel(const KvShape& shape, Random random) : shape_(shape), random_(random) {}

  size_t n_reusable(JobId, size_t n_tokens) override { return n_tokens - 1; }

  Status run(std::span<JobStep> steps) override {
    size_t n_tokens = 0;
    std::set<JobId> computed, generating;
    for (const auto& place : loop->places())
      if (place.job && place.tokens.size() - place.n_computed == 1) generating.insert(*place.job);
    for (JobStep& step : steps) {
      n_tokens += step.tokens.size();
      EXPECT_TRUE(computed.insert(step.job).second) << "a job twice in a step";
      compute(step);
    }
    EXPECT_LE(n_tokens, loop->budget()) << "the budget is kept";
    // Generation goes first: who waits for the next token is in every step.
    for (const JobId job : generating) EXPECT_TRUE(computed.contains(job)) << "an answer was passed over";
    now_s += 0.001 + 0.0001 * static_cast<double>(n_tokens);
    return {};
  }

  void on_start(JobId job, uint32_t, size_t n_cached) override {
    FakeJob& fake = jobs.at(job);
    fake.started = true;
    EXPECT_LT(n_cached, fake.tokens.size());
  }

  void on_end(JobId job, JobEnd end, std::optional<Finish>, const Status& error) override {
    EXPECT_NE(end, JobEnd::failed) << (error.ok() ? "" : error.error().message);
    const FakeJob& fake = jobs.at(job);
    if (end == JobEnd::cancelled) {
      EXPECT_TRUE(fake.cancelled);
    }
    if (end == JobEnd::deadline) {
      EXPECT_GE(now_s, fake.spec.deadline_s);
    }
    ended.insert(job);
    n_useful++;
  }

  StepLoop* loop = nullptr;
  std::map<JobId, FakeJob> jobs;
  std::set<JobId> ended;
  double now_s = 0.0;
  size_t n_useful = 0;  // positions computed for the first time, and jobs that ended

 private:
  void compute(JobStep& step) {
    FakeJob& fake = jobs.at(step.job);
    Sequence::State& sequence = step.sequence->state();
    model::KvSequence& kv = *sequence.kv;
    ASSERT_EQ(kv.size(), step.begin);
    ASSERT_EQ(sequence.tokens.size(), step.begin);
    ASSERT_LE(step.begin + step.tokens.size(), fake.tokens.size());
    for (size_t i = 0; i < step.begin; i++) {
      Token known = 0;
      std::memcpy(&known, slot(kv, i), sizeof known);
      ASSERT_EQ(known, fake.tokens[i]) << "position " << i << " of job " << step.job << " holds another's content";
    }
    for (size_t i = 0; i < step.tokens.size(); i++) {
      ASSERT_EQ(step.tokens[i], fake.tokens[step.begin + i]);
      const size_t page = (step.begin + i) / shape_.page_tokens;
      ASSERT_EQ(kv.shared_pages()[page]->n_users, 1u) << "a page that others use is written";
      std::memcpy(slot(kv, step.begin + i), &step.tokens[i], sizeof(Token));
    }
    kv.advance(static_cast<uint32_t>(step.tokens.size()));
    sequence.tokens.insert(sequence.tokens.end(), step.tokens.begin(), step.tokens.end());
    if (kv.size() > fake.n_best) n_useful += kv.size() - fake.n_best, fake.n_best = kv.size();
    EXPECT_EQ(step.samples, kv.size() == fake.tokens.size());
    if (!step.samples) return;
    if (fake.tokens.size() - fake.spec.prompt.size() >= fake.n_answer) {
      step.ended = Finish::end;
    } else {
      step.next = static_cast<Token>(random_.next() % 3);
      fake.tokens.push_back(*step.next);
    }
  }
  std::byte* slot(const model::KvSequence& kv, size_t position) const {
    return kv.pages()[position / shape_.page_tokens] + position % shape_.page_tokens * sizeof(Token);
  }

  KvShape shape_;
  Random random_;
};

struct Setting {
  uint32_t n_parallel = 4, n_batch = 32, n_ctx = 128, page_tokens = 8;
  size_t n_pages = 64;
  double cached_share = 1.0, fairness_lag = 64.0;
};

class World {
 public:
  World(const Setting& setting, uint64_t seed)
      : random(seed),
        shape{.n_layer = 1,
              .n_head_kv = 1,
              .page_tokens = setting.page_tokens,
              .k_head_bytes = size_t{64} * sizeof(Token),
              .v_head_bytes = 64},
        pool(std::make_shared<KvPool>(shape, setting.n_pages)),
        model(shape, Random(seed + 1)),
        options{.n_parallel = setting.n_parallel,
                .n_batch = setting.n_batch,
                .n_ctx = setting.n_ctx,
                .cached_share = setting.cached_share,
                .fairness_lag = setting.fairness_lag},
        loop(std::make_unique<StepLoop>(
            model, pool, [this] { return new_sequence(); }, [this] { return model.now_s; }, options)) {
    model.loop = loop.get();
  }

  JobId submit(std::string client, std::vector<Token> prompt, size_t n_answer, int32_t priority = 0,
               double timeout_s = INFINITY, bool share_tail = false) {
    FakeJob job;
    job.spec = {++n_jobs,          std::move(client), priority,  model.now_s + timeout_s,
                std::move(prompt), SIZE_MAX,          share_tail};
    job.tokens = job.spec.prompt;
    job.n_answer = n_answer;
    job.arrival_s = model.now_s;
    job.arrival_step = n_steps;
    const JobSpec spec = job.spec;
    model.jobs.emplace(n_jobs, std::move(job));
    loop->submit(spec);
    return n_jobs;
  }

  void cancel(JobId id) {
    if (model.ended.contains(id)) return;
    model.jobs.at(id).cancelled = true;
    EXPECT_TRUE(loop->cancel(id));
  }

  // One step, and what holds after each.
  bool step() {
    std::vector<JobId> over;
    for (const auto& [id, job] : model.jobs)
      if (!model.ended.contains(id) && (job.cancelled || model.now_s >= job.spec.deadline_s)) over.push_back(id);
    const size_t n_useful = model.n_useful;
    const bool worked = loop->step();
    n_steps++;
    for (const JobId id : over) EXPECT_TRUE(model.ended.contains(id)) << "cancelling takes one step";
    EXPECT_LE(loop->n_running(), options.n_parallel);
    EXPECT_LE(loop->n_step_tokens(), std::max(options.n_batch, options.n_parallel));
    EXPECT_LE(pool->n_used(), pool->max_pages());
    const auto limit = static_cast<size_t>(options.cached_share * static_cast<double>(pool->max_pages()));
    if (loop->n_running() == 0) {
      EXPECT_LE(pool->n_idle(), limit) << "the cache keeps to its share";
    }
    n_steps_in_vain = model.n_useful > n_useful || !worked ? 0 : n_steps_in_vain + 1;
    // Computing again what was lost to others is no progress, and must not go on for ever.
    EXPECT_LT(n_steps_in_vain, 4 * options.n_ctx) << "no progress";
    return worked;
  }

  // All pages come back.
  void close() {
    EXPECT_EQ(loop->n_running() + loop->n_waiting(), 0u);
    EXPECT_EQ(model.ended.size(), model.jobs.size());
    EXPECT_EQ(pool->n_used(), pool->n_idle()) << "a page leaked";
    loop.reset();
    EXPECT_EQ(pool->n_used(), 0u) << "a page leaked";
  }

  [[nodiscard]] size_t n_waiting(const std::string& client) const {
    return static_cast<size_t>(std::ranges::count_if(
        model.jobs, [&](const auto& job) { return job.second.spec.client == client && !job.second.started; }));
  }

  size_t below(size_t n) { return static_cast<size_t>(random.next() % n); }
  // Prompts that have beginnings in common.
  std::vector<Token> prompt(size_t n_tokens, size_t n_families) {
    std::vector<Token> tokens(n_tokens);
    const auto family = static_cast<Token>(below(n_families));
    const size_t n_common = below(n_tokens + 1);
    for (size_t i = 0; i < n_tokens; i++) tokens[i] = i < n_common ? family : static_cast<Token>(below(3));
    return tokens;
  }

  Random random;
  KvShape shape;
  std::shared_ptr<KvPool> pool;
  FakeModel model;
  StepOptions options;
  std::unique_ptr<StepLoop> loop;
  JobId n_jobs = 0;
  uint64_t n_steps = 0, n_steps_in_vain = 0;

 private:
  Sequence new_sequence() {
    auto state = std::make_unique<Sequence::State>();
    state->kv = std::make_unique<model::KvSequence>(pool);
    return Sequence(std::move(state));
  }
};

Setting random_setting(Random& random) {
  const auto below = [&](size_t n) { return static_cast<uint32_t>(random.next() % n); };
  Setting setting;
  setting.n_parallel = 1 + below(8);
  setting.n_batch = setting.n_parallel + below(48);
  setting.page_tokens = 1u << below(5);
  setting.n_ctx = 8 + below(120);
  const size_t pages_of_one = (setting.n_ctx + setting.page_tokens - 1) / setting.page_tokens;
  // From one full sequence to plenty.
  setting.n_pages = pages_of_one + below(pages_of_one * 3 + 1);
  setting.cached_share = std::vector{0.0, 0.3, 1.0}[below(3)];
  setting.fairness_lag = 8.0 + below(200);
  return setting;
}

void simulate(uint64_t seed) {
  Random random(seed);
  const Setting setting = random_setting(random);
  World world(setting, seed + 1000);
  const size_t n_jobs = 1 + world.below(40), n_clients = 1 + world.below(5), n_families = 1 + world.below(4);
  const double rate = world.random.uniform();
  while (world.n_jobs < n_jobs || world.loop->n_running() + world.loop->n_waiting() > 0) {
    while (world.n_jobs < n_jobs && world.random.uniform() < rate) {
      const size_t n_prompt = 1 + world.below(setting.n_ctx);
      const auto timeout_s = world.below(4) == 0 ? 0.1 * world.random.uniform() : INFINITY;
      const std::string client(1, static_cast<char>('a' + world.below(n_clients)));
      const auto priority = static_cast<int32_t>(world.below(5)) - 2;
      const auto prompt = world.prompt(n_prompt, n_families);
      const size_t n_answers = world.below(6) == 0 ? 3 : 1;
      for (size_t i = 0; i < n_answers; i++)
        world.submit(client, prompt, world.below(2 * setting.n_ctx), priority, timeout_s, n_answers > 1);
    }
    if (world.n_jobs > 0 && world.below(20) == 0) world.cancel(1 + world.below(world.n_jobs));
    if (!world.step()) world.model.now_s += 0.001;
    if (testing::Test::HasFailure()) return;
  }
  world.close();
}

TEST(PlanRefusals, TakeTheLastOfWhoHasMost) {
  const std::vector<PlanWaiting> waiting{{1, 0}, {2, 0}, {3, 1}, {4, 0}, {5, 1}, {6, 2}};
  EXPECT_TRUE(plan_refusals(waiting, 6).empty());
  EXPECT_EQ(plan_refusals(waiting, 5), std::vector<uint64_t>{4});
  EXPECT_EQ(plan_refusals(waiting, 3), (std::vector<uint64_t>{4, 2, 5}));
  EXPECT_EQ(plan_refusals(waiting, 0).size(), 6u);
}

TEST(SchedulerSimulation, ThousandsOfRandomPatternsKeepAllPromises) {
  const char* const one = std::getenv("QUIPU_SIMULATION_SEED");
  const uint64_t first = one != nullptr ? std::strtoull(one, nullptr, 10) : 0;
  const uint64_t n = one != nullptr ? 1 : 3000;
  for (uint64_t seed = first; seed < first + n; seed++) {
    simulate(seed);
    ASSERT_FALSE(HasFailure()) << "replay with QUIPU_SIMULATION_SEED=" << seed;
  }
}

// Two clients that always have something waiting, one with long answers and one with long prompts, are served alike.
TEST(SchedulerSimulation, ClientsAreServedAlikeWhateverTheyAskFor) {
  const Setting setting{.n_parallel = 4, .n_batch = 32, .n_ctx = 128, .page_tokens = 8, .n_pages = 128};
  World world(setting, 1);
  constexpr double kDearest = 2.0 * 128;  // of a request
  double worst = 0.0;
  for (int step = 0; step < 4000; step++) {
    while (world.n_waiting("answers") < 8) world.submit("answers", world.prompt(2, 1), 100);
    while (world.n_waiting("prompts") < 8) world.submit("prompts", world.prompt(100, 1000), 1);
    world.step();
    worst = std::max(worst, std::fabs(world.loop->served("answers") - world.loop->served("prompts")));
  }
  EXPECT_LT(worst, setting.fairness_lag + setting.n_parallel * kDearest);
  EXPECT_GT(world.loop->served("answers"), 4000.0);
}

// A client that sends a hundred requests does not delay one that sends its first.
TEST(SchedulerSimulation, AFloodOfOneClientDoesNotDelayAnother) {
  const Setting setting{.n_parallel = 4, .n_batch = 32, .n_ctx = 256, .page_tokens = 8, .n_pages = 256};
  World world(setting, 2);
  for (int i = 0; i < 100; i++) world.submit("flood", world.prompt(50, 1000), 200);
  for (int i = 0; i < 50; i++) world.step();
  const JobId guest = world.submit("guest", world.prompt(30, 1000), 10);
  int n_steps = 0;
  while (!world.model.ended.contains(guest) && n_steps < 1000) world.step(), n_steps++;
  EXPECT_LT(n_steps, 120);
}

// A prompt of many steps ends although short ones keep coming, and they don't wait for its end.
TEST(SchedulerSimulation, LongAndShortPromptsGetTheirTurns) {
  const Setting setting{.n_parallel = 4, .n_batch = 64, .n_ctx = 8192, .page_tokens = 64, .n_pages = 512};
  World world(setting, 3);
  const JobId giant = world.submit("a", world.prompt(8000, 1000), 1);
  uint64_t longest = 0;
  std::map<JobId, uint64_t> since;
  int n_steps = 0;
  for (; !world.model.ended.contains(giant) && n_steps < 3000; n_steps++) {
    if (world.loop->n_waiting() == 0) since[world.submit("b", world.prompt(40, 1000), 2)] = world.n_steps;
    world.step();
    std::erase_if(since, [&](const auto& job) {
      if (!world.model.ended.contains(job.first)) return false;
      longest = std::max(longest, world.n_steps - job.second);
      return true;
    });
  }
  EXPECT_LT(n_steps, 8000 / 32 + 200);
  EXPECT_LT(longest, 60u);
}

// Within a client a lower priority waits longer, but not for ever.
TEST(SchedulerSimulation, LowPriorityDoesNotStarve) {
  const Setting setting{.n_parallel = 1, .n_batch = 32, .n_ctx = 64, .page_tokens = 8, .n_pages = 16};
  World world(setting, 4);
  const JobId low = world.submit("a", world.prompt(20, 1000), 5, -1);
  double ended_s = 0.0;
  while (!world.model.ended.contains(low) && world.model.now_s < 60.0) {
    while (world.loop->n_waiting() < 3) world.submit("a", world.prompt(20, 1000), 5, 0);
    world.step();
    ended_s = world.model.now_s;
  }
  EXPECT_GT(ended_s, 9.0);
  EXPECT_LT(ended_s, 15.0);
}

}  // namespace
}  // namespace quipu::engine
