"""How far a program's log-probabilities are from the float32 reference in tests/truth/data."""
import json
import pathlib

import numpy as np

DATA = pathlib.Path(__file__).resolve().parent / "data"
# Longer than the reference's list of 50, so that a token near its end is rarely missing from the other's list.
TOP = 64


class Truth:
    def __init__(self):
        self.record = json.loads((DATA / "truth.json").read_text(encoding="utf-8"))
        arrays = np.load(DATA / "truth.npz")
        self.documents, start = {}, 0
        for document in self.record["documents"]:
            rows = slice(start, start + len(document["ids"]) - 1)
            start = rows.stop
            self.documents[document["name"]] = {"ids": document["ids"], "rows": rows,
                                                **{name: arrays[name][rows] for name in arrays.files}}
        self.chats = self.record["chats"]


def grouped_kl(ids, logprobs, other_ids, other_logprobs):
    """KL(reference || other) in nats per row, over the tokens that both lists name and one group for all the rest.

    Putting tokens together never raises a KL divergence, so this is a lower bound of the whole one; the reference's 50
    best carry nearly all of its mass, so it is close.
    """
    total = np.empty(len(ids))
    for row in range(len(ids)):
        _, ours, theirs = np.intersect1d(ids[row].astype(np.int64), other_ids[row], assume_unique=True,
                                         return_indices=True)
        p = np.exp(np.append(logprobs[row][ours].astype(np.float64), -np.inf))
        q = np.exp(np.append(np.asarray(other_logprobs[row], np.float64)[theirs], -np.inf))
        # 1e-12 keeps the group's logarithm finite where rounding leaves it nothing.
        p[-1], q[-1] = max(1 - p.sum(), 1e-12), max(1 - q.sum(), 1e-12)
        total[row] = np.sum(p * np.log(p / q))
    return total


class Difference:
    """Collects documents; `figures()` are means over all tokens seen."""

    def __init__(self):
        self.deltas, self.kls = [], []

    def add(self, document, logprob, top_ids, top_logprobs, rows=slice(None)):
        self.deltas.append(np.abs(np.asarray(logprob, np.float64) - document["logprob"][rows]))
        self.kls.append(grouped_kl(document["top_ids"][rows], document["top_logprobs"][rows], top_ids, top_logprobs))

    def figures(self):
        deltas, kls = np.concatenate(self.deltas), np.concatenate(self.kls)
        return {"tokens": len(deltas), "mean_abs_delta_nats": float(deltas.mean()),
                "max_abs_delta_nats": float(deltas.max()), "kl_nats": float(kls.mean())}
