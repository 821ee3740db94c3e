"""How far a program's log-probabilities are from the float32 reference in tests/truth/data (as truth_test.cpp has it)."""
import json
import pathlib

import numpy as np

DATA = pathlib.Path(__file__).resolve().parent / "data"
TOP = 50


class Truth:
    def __init__(self):
        self.record = json.loads((DATA / "truth.json").read_text(encoding="utf-8"))
        self.chats = self.record["chats"]
        total = sum(len(document["ids"]) - 1 for document in self.record["documents"])
        data = (DATA / "truth.bin").read_bytes()
        logprob = np.frombuffer(data, "<f4", total)
        top_ids = np.frombuffer(data, "<u2", total * TOP, 4 * total).reshape(total, TOP)
        top_logprobs = np.frombuffer(data, "<f4", total * TOP, 4 * total + 2 * total * TOP).reshape(total, TOP)
        self.documents, start = [], 0
        for document in self.record["documents"]:
            rows = slice(start, start + len(document["ids"]) - 1)
            start = rows.stop
            self.documents.append({**document, "first_row": rows.start, "logprob": logprob[rows],
                                   "top_ids": top_ids[rows].astype(np.int64), "top_logprobs": top_logprobs[rows]})


def grouped_kl(top_ids, top_logprobs, logprobs):
    """KL(reference || other) in nats per row, the reference's 50 best tokens one by one and all others as one group.

    Putting tokens together never raises a KL divergence, so this is a lower bound of the whole one.
    """
    p = np.exp(top_logprobs.astype(np.float64))
    log_q = np.take_along_axis(logprobs, top_ids, axis=1)
    # 1e-12 keeps the group's logarithm finite where rounding leaves it nothing.
    rest_p = np.maximum(1 - p.sum(axis=1), 1e-12)
    rest_q = np.maximum(1 - np.exp(log_q).sum(axis=1), 1e-12)
    return (p * (top_logprobs - log_q)).sum(axis=1) + rest_p * np.log(rest_p / rest_q)


class Difference:
    """Collects documents; `figures()` are means over all tokens seen."""

    def __init__(self):
        self.deltas, self.kls = [], []

    def add(self, document, logprobs):
        """`logprobs` [rows][n_vocab] are those of the document's first rows."""
        rows = len(logprobs)
        chosen = logprobs[np.arange(rows), document["ids"][1:rows + 1]]
        self.deltas.append(np.abs(chosen - document["logprob"][:rows]))
        self.kls.append(grouped_kl(document["top_ids"][:rows], document["top_logprobs"][:rows], logprobs))

    def figures(self):
        deltas, kls = np.concatenate(self.deltas), np.concatenate(self.kls)
        return {"tokens": len(deltas), "mean_abs_delta_nats": float(deltas.mean()),
                "max_abs_delta_nats": float(deltas.max()), "kl_nats": float(kls.mean())}
