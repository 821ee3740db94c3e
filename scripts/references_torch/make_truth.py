#!/usr/bin/env python3
"""Makes tests/truth/data: what SmolLM2 says in float32, by `transformers` on the file's dequantised weights.

    python3 scripts/references_torch/make_truth.py MODEL.gguf [--full FULL.npy]

Needs the packages of scripts/references_torch/requirements.txt (torch among them), which is why `make test` reads the
committed output instead. Writes
  truth.json     versions, the documents and chats as token ids, the greedy answers (at most 64 tokens, up to and with
                 an end-of-text token)
  truth.bin      N = all predicted tokens of the documents, one after another (document of n tokens: n - 1 rows);
                 little-endian arrays, one after another: the token's natural log-probability float32 [N], the 50 best
                 tokens uint16 [N][50] (SmolLM2's vocabulary is below 65,536), their log-probabilities float32 [N][50]
With --full all logits of these rows go to FULL.npy (about 1 GB), for compare_llamacpp.py.

The token ids come from Hugging Face's `tokenizers`, built from the file's vocabulary and merges. transformers' own
conversion drops SmolLM's rule that every digit is a piece of its own, so the tokenizer is put together here.
"""
import argparse
import hashlib
import importlib.metadata
import json
import pathlib
import platform

import gguf
import numpy as np
import tokenizers
import torch
import transformers
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
TEXTS = ROOT / "tests" / "truth" / "texts"
DATA = ROOT / "tests" / "truth" / "data"
# The long document keeps all its tokens; the others are cut to one prompt batch of the usual engines.
DOCUMENTS = {"prose": 512, "code": 512, "languages": 512, "data": 512, "long": None}
TOP = 50
ANSWER_TOKENS = 64


def read_file(path):
    reader = gguf.GGUFReader(path)
    return {name: reader.fields[name].contents() for name in (
        "tokenizer.ggml.tokens", "tokenizer.ggml.merges", "tokenizer.ggml.token_type", "tokenizer.ggml.eos_token_id",
        "tokenizer.chat_template")}


def build_tokenizer(fields):
    tokens = fields["tokenizer.ggml.tokens"]
    tokenizer = Tokenizer(models.BPE(vocab={token: i for i, token in enumerate(tokens)},
                                     merges=[tuple(merge.split(" ")) for merge in fields["tokenizer.ggml.merges"]]))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tokenizer.decoder = decoders.ByteLevel()
    control = [token for token, kind in zip(tokens, fields["tokenizer.ggml.token_type"])
               if kind == gguf.TokenType.CONTROL]
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in control])
    return tokenizer


@torch.inference_mode()
def document_logits(model, ids):
    """The logits [n - 1][n_vocab] that predict tokens 1 … n - 1."""
    return model(torch.tensor([ids])).logits[0, :-1].float()


@torch.inference_mode()
def greedy(model, prompt, eos):
    answer, cache, step = [], None, prompt
    while len(answer) < ANSWER_TOKENS:
        out = model(torch.tensor([step]), past_key_values=cache, use_cache=True)
        cache = out.past_key_values
        answer.append(int(out.logits[0, -1].argmax()))
        step = answer[-1:]
        if answer[-1] == eos:
            break
    return answer


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("--full", type=pathlib.Path)
    options = parser.parse_args()

    fields = read_file(options.model)
    tokenizer = build_tokenizer(fields)
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer,
                                                chat_template=fields["tokenizer.chat_template"])
    model = transformers.AutoModelForCausalLM.from_pretrained(
        options.model.parent, gguf_file=options.model.name, dtype=torch.float32).eval()

    documents, rows = [], []
    for name, limit in DOCUMENTS.items():
        ids = tokenizer.encode((TEXTS / f"{name}.txt").read_text(encoding="utf-8")).ids[:limit]
        logits = document_logits(model, ids)
        documents.append({"name": name, "ids": ids})
        rows.append((logits, torch.tensor(ids[1:])))
        print(f"{name}: {len(ids)} tokens", flush=True)

    logits = torch.cat([row[0] for row in rows])
    logprobs = torch.log_softmax(logits.double(), dim=-1)
    chosen = logprobs.gather(1, torch.cat([row[1] for row in rows])[:, None])[:, 0]
    best = logprobs.topk(TOP, dim=-1)

    chats = []
    for question in (TEXTS / "questions.txt").read_text(encoding="utf-8").splitlines():
        text = fast.apply_chat_template([{"role": "user", "content": question}], tokenize=False,
                                        add_generation_prompt=True)
        prompt = tokenizer.encode(text).ids
        answer = greedy(model, prompt, fields["tokenizer.ggml.eos_token_id"])
        chats.append({"question": question, "prompt": prompt, "answer": answer})
        print(f"{question!r} -> {tokenizer.decode(answer)!r}", flush=True)

    # How far float32 itself is from the real numbers: the same weights and texts in float64 (RoPE's angles excepted,
    # which transformers always takes in float32).
    exact = torch.nn.Module.double(model)
    with torch.inference_mode():
        logprobs_exact = torch.cat([torch.log_softmax(exact(torch.tensor([d["ids"]])).logits[0, :-1].double(), -1)
                                    .gather(1, row[1][:, None])[:, 0] for d, row in zip(documents, rows)])
    float32_error = float((logprobs_exact - chosen).abs().mean())

    DATA.mkdir(parents=True, exist_ok=True)
    (DATA / "truth.bin").write_bytes(chosen.numpy().astype("<f4").tobytes() +
                                     best.indices.numpy().astype("<u2").tobytes() +
                                     best.values.numpy().astype("<f4").tobytes())
    if options.full:
        np.save(options.full, logits.numpy())
    record = {
        "made_by": "scripts/references_torch/make_truth.py",
        "model": {"file": options.model.name, "sha256": hashlib.sha256(options.model.read_bytes()).hexdigest()},
        "versions": {"python": platform.python_version(), "torch": torch.__version__,
                     "transformers": transformers.__version__, "tokenizers": tokenizers.__version__,
                     "gguf": importlib.metadata.version("gguf"), "numpy": np.__version__},
        "float32_mean_abs_error_nats": float32_error,
        "perplexity": float(torch.exp(-chosen.mean())),
        "eos": fields["tokenizer.ggml.eos_token_id"],
        "documents": documents,
        "chats": chats,
    }
    lines = [f"  {json.dumps(key)}: " + (json.dumps(value) if key not in ("documents", "chats") else
             "[\n    " + ",\n    ".join(json.dumps(item, ensure_ascii=False) for item in value) + "\n  ]")
             for key, value in record.items()]
    (DATA / "truth.json").write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    print(f"{len(chosen)} log-probabilities, perplexity {record['perplexity']:.3f}, "
          f"float32 is {float32_error:.2e} nats from float64")


if __name__ == "__main__":
    main()
