"""Writes GGUF files of published shapes whose weights are a hole in the file: for what looks at the directory alone."""
import struct

BF16 = 30


class Shape:
    def __init__(self, architecture, n_embd, n_layer, n_head, n_head_kv, n_ff, tied, n_expert=0, n_vocab=32000,
                 fused=False):
        self.architecture, self.n_embd, self.n_layer, self.n_head = architecture, n_embd, n_layer, n_head
        self.n_head_kv, self.n_ff, self.tied, self.n_expert = n_head_kv, n_ff, tied, n_expert
        self.n_vocab, self.fused = n_vocab, fused

    def tensors(self):
        """[(name, dims)]"""
        n, kv = self.n_embd, self.n_embd // self.n_head * self.n_head_kv
        tensors = [("token_embd.weight", [n, self.n_vocab]), ("output_norm.weight", [n])]
        if not self.tied:
            tensors.append(("output.weight", [n, self.n_vocab]))
        for i in range(self.n_layer):
            layer = [("attn_norm.weight", [n]), ("ffn_norm.weight", [n]), ("attn_output.weight", [n, n])]
            if self.fused:
                layer += [("attn_qkv.weight", [n, n + 2 * kv])]
            else:
                layer += [("attn_q.weight", [n, n]), ("attn_k.weight", [n, kv]), ("attn_v.weight", [n, kv])]
            experts = [self.n_expert] if self.n_expert else []
            kind = "_exps" if experts else ""
            if experts:
                layer += [("ffn_gate_inp.weight", [n, self.n_expert])]
            layer += [(f"ffn_gate{kind}.weight", [n, self.n_ff] + experts), (f"ffn_up{kind}.weight", [n, self.n_ff] + experts),
                      (f"ffn_down{kind}.weight", [self.n_ff, n] + experts)]
            tensors += [(f"blk.{i}.{name}", dims) for name, dims in layer]
        return tensors

    def metadata(self):
        a = self.architecture
        numbers = {"context_length": 4096, "embedding_length": self.n_embd, "block_count": self.n_layer,
                   "feed_forward_length": self.n_ff, "attention.head_count": self.n_head,
                   "attention.head_count_kv": self.n_head_kv, "rope.dimension_count": self.n_embd // self.n_head,
                   "vocab_size": self.n_vocab}
        if self.n_expert:
            numbers |= {"expert_count": self.n_expert, "expert_used_count": 2}
        floats = {"attention.layer_norm_rms_epsilon": 1e-5, "attention.layer_norm_epsilon": 1e-5}
        return ([("general.architecture", a)] + [(f"{a}.{key}", value) for key, value in numbers.items()] +
                [(f"{a}.{key}", value) for key, value in floats.items()] + [("tokenizer.ggml.model", "none")])


SHAPES = {
    "llama-1b": Shape("llama", 2048, 16, 32, 8, 8192, tied=True),
    "llama-8b": Shape("llama", 4096, 32, 32, 8, 14336, tied=False),
    "llama-7b": Shape("llama", 4096, 32, 32, 32, 11008, tied=False),
    "llama-70b": Shape("llama", 8192, 80, 64, 8, 28672, tied=False),
    "llama-65b": Shape("llama", 8192, 80, 64, 64, 22016, tied=False),
    "qwen2-72b": Shape("qwen2", 8192, 80, 64, 8, 29568, tied=False),
    "smollm2-135m": Shape("llama", 576, 30, 9, 3, 1536, tied=True),
    "odd-rows": Shape("llama", 80, 3, 5, 5, 112, tied=False),
    "mixtral-8x7b": Shape("llama", 4096, 32, 32, 8, 14336, tied=False, n_expert=8),
    "moe-16": Shape("llama", 1024, 9, 16, 8, 768, tied=True, n_expert=16),
    "falcon-7b": Shape("falcon", 4544, 32, 71, 1, 18176, tied=False, fused=True),
    "fused-qkv": Shape("phi3", 3072, 32, 32, 32, 8192, tied=False, fused=True),
}


def text(value):
    value = value.encode()
    return struct.pack("<Q", len(value)) + value


def write(path, shape):
    tensors, metadata = shape.tensors(), shape.metadata()
    out = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata))
    for key, value in metadata:
        kind, data = (8, text(value)) if isinstance(value, str) else (
            (6, struct.pack("<f", value)) if isinstance(value, float) else (4, struct.pack("<I", value)))
        out += text(key) + struct.pack("<I", kind) + data
    offset = 0
    for name, dims in tensors:
        n = 1
        for dim in dims:
            n *= dim
        is_matrix = len(dims) > 1
        out += text(name) + struct.pack(f"<I{len(dims)}QIQ", len(dims), *dims, BF16 if is_matrix else 0, offset)
        offset += -(-n * (2 if is_matrix else 4) // 32) * 32
    with open(path, "wb") as file:
        file.write(out)
        file.truncate(-(-len(out) // 32) * 32 + offset)
