"""Writing a GGUF file, and one tiny random model in it: llama.cpp's format, version 3, float32 only.

The format is described in ggml's ``docs/gguf.md``: a header, typed key-value pairs, tensor descriptions, tensor data.
"""

from __future__ import annotations

import string
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

ALIGNMENT = 32
U32, F32, BOOL, STRING, ARRAY, I32 = 4, 6, 7, 8, 9, 5
FLOAT32_TENSOR = 0

CONTEXT_LENGTH = 16_384
D_MODEL, N_HEADS, D_MLP = 64, 2, 128
CONSTANT, CONSTANT_NORMED = 2.0, 7.0
"""The first number of the residual stream, before the last norm and, nearly, after it."""
UNKNOWN, BOS, EOS = 0, 1, 2
NORMAL, UNKNOWN_KIND, CONTROL, BYTE = 1, 2, 3, 6

Value = str | bool | int | float | Sequence[str] | Sequence[int] | Sequence[float]


def write_gguf(path: Path, metadata: Mapping[str, Value], tensors: Mapping[str, np.ndarray]) -> None:
    """Write a model.

    Args:
        path: The file.
        metadata: Whole numbers become uint32 (int32 in arrays), real ones float32.
        tensors: Float32, rows first.
    """
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata))
    for key, value in metadata.items():
        kind, data = _packed(value)
        head += _text(key) + struct.pack("<I", kind) + data
    offset = 0
    for name, tensor in tensors.items():
        sizes = tensor.shape[::-1]  # the format counts the fastest axis first
        head += _text(name) + struct.pack(f"<I{len(sizes)}QIQ", len(sizes), *sizes, FLOAT32_TENSOR, offset)
        offset += len(_padded(tensor.tobytes()))
    path.write_bytes(_padded(head) + b"".join(_padded(tensor.tobytes()) for tensor in tensors.values()))


def write_tiny_model(path: Path, *, seed: int = 0) -> None:
    """Write a llama of one layer with random weights that types like a monkey: short words, short lists, an early end.

    Its vocabulary is bytes and printable characters. What it types comes from a constant in the residual stream that
    the unembedding turns into a bias for each token; the rest of the stream adds noise that depends on the text.

    Args:
        path: The file, 0.4 MB.
        seed: Of the weights.
    """
    rng = np.random.default_rng(seed)
    pieces = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *_PRINTABLE]
    kinds = [UNKNOWN_KIND, CONTROL, CONTROL, *[BYTE] * 256, *[NORMAL] * len(_PRINTABLE)]
    metadata: dict[str, Value] = {
        "general.architecture": "llama",
        "llama.context_length": CONTEXT_LENGTH,
        "llama.embedding_length": D_MODEL,
        "llama.block_count": 1,
        "llama.feed_forward_length": D_MLP,
        "llama.attention.head_count": N_HEADS,
        "llama.attention.layer_norm_rms_epsilon": 1e-5,
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.tokens": pieces,
        "tokenizer.ggml.scores": [0.0] * len(pieces),
        "tokenizer.ggml.token_type": kinds,
        "tokenizer.ggml.unknown_token_id": UNKNOWN,
        "tokenizer.ggml.bos_token_id": BOS,
        "tokenizer.ggml.eos_token_id": EOS,
        "tokenizer.ggml.add_space_prefix": False,
    }

    def weights(rows: int, columns: int, scale: float) -> np.ndarray:
        """Rows are outputs. The layer neither reads nor writes the constant, column and row 0."""
        matrix = rng.normal(0, scale, (rows, columns)).astype(np.float32)
        matrix[0] = matrix[:, 0] = 0
        return matrix

    embedding, unembedding = weights(len(pieces), D_MODEL, 0.1), weights(len(pieces), D_MODEL, 0.1)
    embedding[:, 0] = CONSTANT
    unembedding[:, 0] = [_bias(piece) / CONSTANT_NORMED for piece in pieces]
    one = np.ones(D_MODEL, np.float32)
    sharp = {f"blk.0.attn_{name}.weight": weights(D_MODEL, D_MODEL, 0.5) for name in ("q", "k")}
    soft = {f"blk.0.attn_{name}.weight": weights(D_MODEL, D_MODEL, 0.05) for name in ("v", "output")}
    wide = {f"blk.0.ffn_{name}.weight": weights(D_MLP, D_MODEL, 0.05) for name in ("gate", "up")}
    tensors = {"token_embd.weight": embedding, "output_norm.weight": one, "output.weight": unembedding}
    tensors |= {"blk.0.attn_norm.weight": one, "blk.0.ffn_norm.weight": one}
    tensors |= {**sharp, **soft, **wide, "blk.0.ffn_down.weight": weights(D_MODEL, D_MLP, 0.05)}
    write_gguf(path, metadata, tensors)


_PRINTABLE = ["▁" if mark == " " else mark for mark in map(chr, range(32, 127))]
_BIASES = {"▁": 1.5, '"': 0.5, "]": -0.5, ",": 0.0, "</s>": -0.5}
_BIASES |= dict.fromkeys(string.ascii_letters, 0.0) | dict.fromkeys(string.digits, -1.0)


def _bias(piece: str) -> float:
    """How much a token is liked: letters most often, byte tokens (broken UTF-8) and escapes next to never."""
    if piece == "\\" or (len(piece) > 1 and piece != "</s>"):
        return -12.0
    return _BIASES.get(piece, -3.0)


def _packed(value: Value) -> tuple[int, bytes]:
    """Type code and bytes of a value."""
    if isinstance(value, str):
        return STRING, _text(value)
    if isinstance(value, bool):
        return BOOL, struct.pack("<?", value)
    if isinstance(value, int):
        return U32, struct.pack("<I", value)
    if isinstance(value, float):
        return F32, struct.pack("<f", value)
    kind = {str: STRING, int: I32, float: F32}[type(value[0])]
    form = {STRING: _text, I32: struct.Struct("<i").pack, F32: struct.Struct("<f").pack}[kind]
    return ARRAY, struct.pack("<IQ", kind, len(value)) + b"".join(form(item) for item in value)


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % ALIGNMENT)
