#include "sample/sampler.h"

#include "base/random.h"
#include "sample/candidates.h"
#include "sample/draw.h"
#include "sample/dry.h"
#include "sample/logit_bias.h"
#include "sample/min_p.h"
#include "sample/mirostat.h"
#include "sample/penalties.h"
#include "sample/stages.h"
#include "sample/temperature.h"
#include "sample/top_k.h"
#include "sample/top_n_sigma.h"
#include "sample/top_p.h"
#include "sample/typical.h"
#include "sample/xtc.h"

namespace quipu::sample {

struct Sampler::State {
  SamplingParams params;
  std::vector<Stage> order;
  int32_t n_vocab;
  Candidates candidates;
  Penalties penalties;
  Dry dry;
  Typical typical;
  Mirostat mirostat;
  Random random;

  State(const SamplingParams& p, std::vector<Stage> stages, const VocabInfo& vocab)
      : params(p),
        order(std::move(stages)),
        n_vocab(vocab.n_vocab),
        candidates(vocab.n_vocab),
        penalties({p.repeat_penalty, p.presence_penalty, p.frequency_penalty, p.repeat_last_n}, vocab.n_vocab),
        dry({p.dry_multiplier, p.dry_base, p.dry_allowed_length, p.dry_penalty_last_n, p.dry_sequence_breakers},
            vocab.n_vocab, vocab.bytes),
        mirostat({p.mirostat, p.mirostat_tau, p.mirostat_eta}, vocab.n_vocab),
        random(p.seed) {}

  void apply(Stage stage) {
    const auto min_keep = static_cast<size_t>(params.min_keep);
    switch (stage) {
      case Stage::penalties:
        return penalties.apply(candidates);
      case Stage::dry:
        return dry.apply(candidates);
      case Stage::top_n_sigma:
        return top_n_sigma(candidates, params.top_n_sigma);
      case Stage::top_k:
        return top_k(candidates, params.top_k);
      case Stage::typ_p:
        return typical.apply(candidates, params.typical_p, min_keep);
      case Stage::top_p:
        return top_p(candidates, params.top_p, min_keep);
      case Stage::min_p:
        return min_p(candidates, params.min_p, min_keep);
      case Stage::xtc:
        return xtc(candidates, params.xtc_probability, params.xtc_threshold, min_keep, random);
      case Stage::temperature:
        return temperature(candidates, {params.temperature, params.dynatemp_range, params.dynatemp_exponent});
    }
  }
};

namespace {

// Mirostat chooses how much to cut by itself.
bool truncates(Stage stage) {
  return stage != Stage::penalties && stage != Stage::dry && stage != Stage::temperature;
}

}  // namespace

Result<Sampler> Sampler::create(const SamplingParams& params, const VocabInfo& vocab) {
  QUIPU_CHECK_OK(validate(params, vocab.n_vocab));
  QUIPU_TRY(auto order, parse_order(params.order));
  if (params.mirostat != 0) std::erase_if(order, truncates);
  SamplingParams seeded = params;
  if (seeded.seed == UINT64_MAX) seeded.seed = random_seed();
  return Sampler(std::make_unique<State>(seeded, std::move(order), vocab));
}

Sampler::Sampler(std::unique_ptr<State> state) : state_(std::move(state)) {}
Sampler::Sampler(Sampler&&) noexcept = default;
Sampler& Sampler::operator=(Sampler&&) noexcept = default;
Sampler::~Sampler() = default;

Result<Token> Sampler::sample(std::span<const float> logits, std::span<const uint32_t> allowed) {
  State& s = *state_;
  bool any = s.candidates.assign(logits, allowed);
  if (any && !s.params.logit_bias.empty()) {
    logit_bias(s.candidates, s.params.logit_bias);
    any = s.candidates.any();
  }
  if (!any) {
    return invalid_input("no token can be chosen: each of the {} is masked or biased out, or its logit is no number",
                         s.n_vocab);
  }
  for (const Stage stage : s.order) s.apply(stage);
  if (s.params.temperature == 0.0f) {
    s.candidates.keep_largest(1);
    return s.candidates.list().front().id;
  }
  if (s.params.mirostat != 0) return s.mirostat.pick(s.candidates, s.random);
  s.candidates.softmax();
  return s.candidates.list()[draw(s.candidates, s.random)].id;
}

void Sampler::accept(Token token) {
  if (token < 0 || token >= state_->n_vocab) return;
  state_->penalties.accept(token);
  state_->dry.accept(token);
}

void Sampler::reset() {
  state_->penalties.reset();
  state_->dry.reset();
  state_->mirostat.reset();
  state_->random = Random(state_->params.seed);
}

uint64_t Sampler::seed() const {
  return state_->params.seed;
}

Sampler Sampler::clone(std::optional<uint64_t> seed) const {
  Sampler copy(std::make_unique<State>(*state_));
  if (seed) {
    copy.state_->params.seed = *seed;
    copy.state_->random = Random(*seed);
  }
  return copy;
}

}  // namespace quipu::sample
