#!/usr/bin/env python3
"""Samplers in numpy, each as its paper or author describes it: `sample_stages.py OUTDIR` writes stages.json.

A list of cases: "logits", "params" (names of SamplingParams), "order", "history" (accepted tokens), and what must come
out: "keep" (ids that can still be drawn) and "p" (their probabilities). In double precision, over whole
vocabularies, without any of the shortcuts of the engine: probabilities are arrays of n_vocab, 0 for what is out.
"""
import json
import math
import pathlib
import sys

import numpy as np

OFF = {"temperature": 1.0, "dynatemp_range": 0.0, "dynatemp_exponent": 1.0, "top_k": 0, "top_p": 1.0, "min_p": 0.0,
       "typical_p": 1.0, "top_n_sigma": -1.0, "xtc_probability": 0.0, "xtc_threshold": 0.1, "repeat_penalty": 1.0,
       "presence_penalty": 0.0, "frequency_penalty": 0.0, "repeat_last_n": 64, "dry_multiplier": 0.0,
       "dry_base": 1.75, "dry_allowed_length": 2, "dry_penalty_last_n": -1, "dry_sequence_breakers": [],
       "logit_bias": [], "min_keep": 0}
ORDER = ["penalties", "dry", "top_n_sigma", "top_k", "typ_p", "top_p", "min_p", "xtc", "temperature"]


def softmax(logits):
    e = np.exp(logits - logits.max())
    return e / e.sum()


def cut(logits, keep):
    out = np.full_like(logits, -np.inf)
    out[keep] = logits[keep]
    return out


def descending(logits):
    """Ids of the survivors, most probable first, of equals the lower id first."""
    ids = np.lexsort((np.arange(len(logits)), -logits))
    return [int(i) for i in ids if np.isfinite(logits[i])]


def penalties(logits, p, history):
    """CTRL's repetition penalty; OpenAI's c * frequency + [c > 0] * presence."""
    n = p["repeat_last_n"]
    window = history if n < 0 else history[len(history) - min(n, len(history)):]
    logits = logits.copy()
    for token in set(window):
        count = window.count(token)
        x = logits[token]
        x = x / p["repeat_penalty"] if x > 0 else x * p["repeat_penalty"]
        logits[token] = x - count * p["frequency_penalty"] - p["presence_penalty"]
    return logits


def dry(logits, p, history):
    """By definition: each earlier position is compared backwards with the end. Token t's text is chr(97 + t % 26)."""
    n = p["dry_penalty_last_n"]
    window = history if n < 0 else history[len(history) - min(n, len(history)):]
    if p["dry_multiplier"] == 0:
        return logits
    text = "".join(chr(97 + t % 26) for t in history)

    def breaks(j):  # whether a breaker ends in the j-th token from the end of the history (one letter a token)
        head = text[:len(text) - j]
        return any(head.endswith(b) for b in p["dry_sequence_breakers"])

    limit = 0
    while limit < len(window) and not breaks(limit):
        limit += 1
    longest = {}
    for j in range(1, len(window)):
        length = 0
        while length < limit and j - 1 - length >= 0 and window[j - 1 - length] == window[len(window) - 1 - length]:
            length += 1
        if length >= p["dry_allowed_length"] and limit >= p["dry_allowed_length"]:
            longest[window[j]] = max(longest.get(window[j], 0), length)
    logits = logits.copy()
    for token, length in longest.items():
        if chr(97 + token % 26) not in p["dry_sequence_breakers"]:
            logits[token] -= p["dry_multiplier"] * p["dry_base"]**(length - p["dry_allowed_length"])
    return logits


def top_n_sigma(logits, p, _):
    if p["top_n_sigma"] <= 0:
        return logits
    alive = logits[np.isfinite(logits)]
    return cut(logits, logits >= alive.max() - p["top_n_sigma"] * np.std(alive))


def top_k(logits, p, _):
    return logits if p["top_k"] <= 0 else cut(logits, descending(logits)[:p["top_k"]])


def typ_p(logits, p, _):
    if p["typical_p"] >= 1:
        return logits
    probability = softmax(logits)
    alive = [i for i in range(len(logits)) if np.isfinite(logits[i])]
    surprise = {i: -math.log(probability[i]) if probability[i] > 0 else math.inf for i in alive}
    entropy = sum(probability[i] * surprise[i] for i in alive if probability[i] > 0)
    keep, mass = [], 0.0
    for i in sorted(alive, key=lambda i: (abs(surprise[i] - entropy), i)):
        keep.append(i)
        mass += probability[i]
        if mass > p["typical_p"] and len(keep) >= p["min_keep"]:
            break
    return cut(logits, keep)


def top_p(logits, p, _):
    if p["top_p"] >= 1:
        return logits
    probability = softmax(logits)
    keep, mass = [], 0.0
    for i in descending(logits):
        keep.append(i)
        mass += probability[i]
        if mass >= p["top_p"] and len(keep) >= p["min_keep"]:
            break
    return cut(logits, keep)


def min_p(logits, p, _):
    if p["min_p"] <= 0:
        return logits
    probability = softmax(logits)
    keep = [i for i in descending(logits) if probability[i] >= p["min_p"] * probability.max()]
    return cut(logits, keep if len(keep) >= p["min_keep"] else descending(logits)[:p["min_keep"]])


def xtc(logits, p, _):
    """Only with probability 1 here, so that nothing is left to chance."""
    if p["xtc_probability"] <= 0:
        return logits
    assert p["xtc_probability"] == 1
    probability = softmax(logits)
    top = [i for i in descending(logits) if probability[i] >= p["xtc_threshold"]]
    rest = [i for i in descending(logits) if i not in top[:-1]]
    return logits if len(top) < 2 or len(rest) < p["min_keep"] else cut(logits, rest)


def temperature(logits, p, _):
    t = p["temperature"]
    if t == 0:
        return cut(logits, descending(logits)[:1])
    if p["dynatemp_range"] > 0:
        probability = softmax(logits)
        probability = probability[np.isfinite(logits)]
        if len(probability) > 1:
            entropy = -sum(x * math.log(x) for x in probability if x > 0)
            low, high = max(0.0, t - p["dynatemp_range"]), t + p["dynatemp_range"]
            t = low + (high - low) * (entropy / math.log(len(probability)))**p["dynatemp_exponent"]
    return logits / t


STAGES = {"penalties": penalties, "dry": dry, "top_n_sigma": top_n_sigma, "top_k": top_k, "typ_p": typ_p,
          "top_p": top_p, "min_p": min_p, "xtc": xtc, "temperature": temperature}


def run(logits, params, order, history):
    """The chain on float32 logits: a case of the file."""
    p = OFF | params
    x = logits.astype(np.float64)
    for token, bias in p["logit_bias"]:
        x[token] += bias
    for name in order:
        x = STAGES[name](x, p, history)
    probability = softmax(x)
    keep = [int(i) for i in np.flatnonzero(np.isfinite(x))]
    return {"logits": [float(v) for v in logits], "params": p, "order": order, "history": history, "keep": keep,
            "p": [float(probability[i]) for i in keep]}


def f32(x):
    """A parameter as the engine holds it."""
    return float(np.float32(x))


def random_params(name, rng):
    pick = lambda *values: values[rng.integers(len(values))]  # noqa: E731
    number = lambda low, high: f32(rng.uniform(low, high))  # noqa: E731
    min_keep = int(pick(0, 0, 1, 3, 500))
    return {
        "penalties": {"repeat_penalty": number(0.5, 2), "presence_penalty": number(-1, 1),
                      "frequency_penalty": number(-0.5, 0.5), "repeat_last_n": int(pick(-1, 1, 5, 64, 1000))},
        "dry": {"dry_multiplier": number(0.1, 2), "dry_base": number(1, 2), "dry_allowed_length": int(pick(0, 1, 2, 4)),
                "dry_penalty_last_n": int(pick(-1, 3, 20, 1000)),
                "dry_sequence_breakers": pick([], ["a"], ["ab", "c"], ["abc", "zz", "b"])},
        "top_n_sigma": {"top_n_sigma": number(0.1, 3)},
        "top_k": {"top_k": int(pick(1, 2, 5, 10, 40, 1000))},
        "typ_p": {"typical_p": number(0, 1), "min_keep": min_keep},
        "top_p": {"top_p": number(0, 1), "min_keep": min_keep},
        "min_p": {"min_p": number(0, 0.5), "min_keep": min_keep},
        "xtc": {"xtc_probability": 1.0, "xtc_threshold": number(0.001, 0.5), "min_keep": min_keep},
        "temperature": {"temperature": number(0.05, 3), "dynatemp_range": number(-1, 2) if pick(0, 1) else 0.0,
                        "dynatemp_exponent": number(0, 3)},
    }[name]


def random_logits(rng):
    n = int(rng.choice([2, 30, 64, 65, 200, 1000]))
    kind = rng.integers(3)
    if kind == 0:
        return rng.normal(0, rng.uniform(0.1, 6), n).astype(np.float32)
    if kind == 1:  # many equal values: ties must fall to the lower id
        return np.round(rng.normal(0, 3, n)).astype(np.float32)
    return (rng.normal(0, 1, n) - 3 * np.log1p(rng.permutation(n))).astype(np.float32)  # Zipf


def random_history(rng, n_vocab):
    letters = min(n_vocab, int(rng.choice([2, 3, 5, 30])))
    history = [int(t) for t in rng.integers(0, letters, rng.integers(0, 60))]
    if len(history) > 8 and rng.integers(2):
        history += history[:8]
    return history


def main():
    rng = np.random.default_rng(7)
    cases = []
    for name in ORDER:
        for _ in range(60):
            logits = random_logits(rng)
            params = random_params(name, rng)
            params["dynatemp_range"] = max(0.0, params.get("dynatemp_range", 0.0))
            cases.append(run(logits, params, [name], random_history(rng, len(logits))))
    for i in range(120):  # whole chains, in the default order and in others
        logits = random_logits(rng)
        params = {}
        for name in rng.permutation(ORDER)[:rng.integers(2, 10)]:
            params |= random_params(str(name), rng)
        params["dynatemp_range"] = max(0.0, params.get("dynatemp_range", 0.0))
        params["logit_bias"] = [[int(rng.integers(len(logits))), f32(rng.normal(0, 4))] for _ in range(3)]
        order = ORDER if i % 2 == 0 else [str(n) for n in rng.permutation(ORDER)[:rng.integers(1, 10)]]
        cases.append(run(logits, params, order, random_history(rng, len(logits))))
    defaults = {"temperature": f32(0.8), "top_k": 40, "top_p": f32(0.95), "min_p": f32(0.05)}
    for _ in range(20):
        logits = random_logits(rng)
        cases.append(run(logits, defaults, ORDER, []))
    (pathlib.Path(sys.argv[1]) / "stages.json").write_text(json.dumps(cases))


if __name__ == "__main__":
    main()
