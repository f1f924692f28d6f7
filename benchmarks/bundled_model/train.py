"""Train the bundled language model from scratch on text that ships with CPython.

    python benchmarks/bundled_model/train.py --out /tmp/bundled --tokens 24000000

A small Llama-style decoder (RoPE, RMSNorm, SwiGLU, tied embeddings) over a byte-level BPE of 4,096 tokens. Muon
trains the matrices, AdamW the embedding and the norms; the rate falls linearly over the last part of the run.
One library file in 25 (by hash of its path), one topic and one C docstring in 10 are held out, and nothing
taken from a held-out file is trained on; ``log.jsonl`` records training and held-out loss per kind of text.
A run that was killed continues when started again; ``install.py`` puts the result into the package.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import argparse
import hashlib
import io
import json
import math
import platform
import random
import sys
import time
import tokenize
from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from autointerp.corpus._python import c_docstrings, split_source, stdlib_files, topics

BOS, PAD = "<|bos|>", "<|pad|>"
CONTEXT, VOCAB = 128, 4096
HELD_OUT = {"source": 25, "topic": 10, "c_docstring": 10}  # one in so many


@dataclass(frozen=True)
class Texts:
    """The training texts and, per kind, the held-out ones."""

    train: list[str]
    held_out: dict[str, list[str]]


def is_held_out(kind: str, name: str) -> bool:
    """Whether a file, topic or docstring of this name (or text) is kept from training."""
    number = int.from_bytes(hashlib.sha256(name.encode("utf-8", "replace")).digest()[:8], "big")
    return number % HELD_OUT[kind] == 0


def gather_texts() -> Texts:
    """Read the interpreter's text: topics three times, docstrings once beside the whole files that hold them."""
    train: list[str] = []
    held: dict[str, list[str]] = {"topic": [], "c_docstring": [], "docstring": [], "comment": [], "source": []}
    for relative, text in stdlib_files():
        docs, _ = split_source(relative, text)
        if is_held_out("source", relative):
            held["source"].append(text)
            held["docstring"] += [doc.text for doc in docs]
            held["comment"] += comment_blocks(text)
        else:
            train.append(text)
            train += [doc.text for doc in docs]
    for doc in topics():
        if is_held_out("topic", doc.source):
            held["topic"].append(doc.text)
        else:
            train += [doc.text] * 3
    trained = set(train)
    for doc in c_docstrings():
        if is_held_out("c_docstring", doc.text):
            held["c_docstring"].append(doc.text)
        elif doc.text not in trained:
            train += [doc.text] * 2
    # A text that also stands in a training file is no test of anything.
    everything = "\x00".join(train)
    trained_topics = [doc.text for doc in topics() if not is_held_out("topic", doc.source)]
    held["topic"] = [text for text in held["topic"] if not any(part in text for part in trained_topics)]
    for kind in ("topic", "docstring", "comment", "c_docstring"):
        held[kind] = [text for text in held[kind] if text not in everything]
    return Texts(train, held)


def comment_blocks(text: str) -> list[str]:
    """Runs of full-line comments of at least 80 characters."""
    blocks: list[list[str]] = []
    last = -2
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT and not token.line[: token.start[1]].strip():
                if token.start[0] == last + 1:
                    blocks[-1].append(token.string)
                else:
                    blocks.append([token.string])
                last = token.start[0]
    except (tokenize.TokenError, IndentationError):
        pass
    return [block for block in ("\n".join(lines) for lines in blocks) if len(block) >= 80]


def train_tokenizer(texts: list[str]) -> Tokenizer:
    """A byte-level BPE; every text is encoded without BOS unless special tokens are asked for."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCAB,
        special_tokens=[BOS, PAD],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BOS} $A", pair=f"{BOS} $A {BOS} $B", special_tokens=[(BOS, 0)]
    )
    return tokenizer


def build_model() -> LlamaForCausalLM:
    """The architecture: 3 layers, d_model 192, 6 heads, SwiGLU 576, tied embeddings (2.2 M parameters)."""
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=VOCAB,
            hidden_size=192,
            intermediate_size=576,
            num_hidden_layers=3,
            num_attention_heads=6,
            num_key_value_heads=6,
            max_position_embeddings=CONTEXT,
            tie_word_embeddings=True,
            bos_token_id=0,
            eos_token_id=0,
            pad_token_id=1,
            attn_implementation="sdpa",
        )
    )


class Packer:
    """Training windows without end: documents shuffled anew each epoch, joined by BOS, each window opening with BOS."""

    def __init__(self, ids: list[list[int]], seed: int) -> None:
        """Args: the documents' token ids (without BOS) and the seed of the order."""
        self._ids, self._rng = ids, random.Random(seed)
        self._left: list[int] = []

    def batch(self, size: int) -> Tensor:
        """The next ``size`` windows, [size, CONTEXT]."""
        need = size * (CONTEXT - 1)
        while len(self._left) < need:
            order = list(range(len(self._ids)))
            self._rng.shuffle(order)
            for index in order:
                self._left.append(0)
                self._left.extend(self._ids[index])
        flat = torch.tensor(self._left[:need]).view(size, CONTEXT - 1)
        del self._left[:need]
        return torch.cat([torch.zeros(size, 1, dtype=torch.long), flat], dim=1)


@torch.no_grad()
def held_out_loss(
    model: LlamaForCausalLM, tokenizer: Tokenizer, texts: list[str], limit: int = 60_000
) -> dict[str, float]:
    """Mean loss over the texts' windows (BOS + up to 127 tokens, never across texts), in nats/token and bits/byte."""
    windows: list[list[int]] = []
    n_tokens = n_bytes = 0
    for text in texts:
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        pieces = [ids[i : i + CONTEXT - 1] for i in range(0, len(ids), CONTEXT - 1)]
        windows += [[0, *piece] for piece in pieces]
        n_tokens += len(ids)
        n_bytes += len(text.encode("utf-8", "replace"))
    random.Random(0).shuffle(windows)
    windows = windows[: max(1, limit // CONTEXT)]
    total, count = 0.0, 0
    for start in range(0, len(windows), 64):
        chunk = windows[start : start + 64]
        width = max(map(len, chunk))
        ids = torch.tensor([row + [1] * (width - len(row)) for row in chunk])
        labels = torch.tensor([row + [-100] * (width - len(row)) for row in chunk])[:, 1:]
        logits = model(input_ids=ids).logits[:, :-1]
        total += torch.nn.functional.cross_entropy(
            logits.reshape(-1, VOCAB), labels.reshape(-1), ignore_index=-100, reduction="sum"
        ).item()
        count += int((labels != -100).sum())
    nats = total / count
    return {
        "nats_per_token": round(nats, 4),
        "bits_per_byte": round(nats / math.log(2) * n_tokens / n_bytes, 4),
        "n_tokens": count,
    }


def save(model: LlamaForCausalLM, tokenizer: Tokenizer, folder: Path) -> None:
    """Write the Hugging Face layout with fp16 weights."""
    folder.mkdir(parents=True, exist_ok=True)
    half = build_model()
    half.load_state_dict(model.state_dict())
    half.half().save_pretrained(folder)
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=BOS, eos_token=BOS, pad_token=PAD, model_max_length=CONTEXT
    ).save_pretrained(folder)


def main() -> None:
    """Train, logging and checkpointing every 200 steps."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="checkpoint, log and model")
    parser.add_argument("--tokens", type=int, default=24_000_000)
    parser.add_argument("--batch", type=int, default=32, help="windows a step")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--muon-lr", type=float, default=0.02)
    parser.add_argument("--adam-lr", type=float, default=3e-3)
    parser.add_argument("--bf16", action="store_true", help="matrix products in bfloat16")
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    options.out.mkdir(parents=True, exist_ok=True)

    texts = gather_texts()
    tokenizer_file = options.out / "tokenizer.json"
    if tokenizer_file.exists():
        tokenizer = Tokenizer.from_file(str(tokenizer_file))
    else:
        tokenizer = train_tokenizer(texts.train)
        tokenizer.save(str(tokenizer_file))
    ids = [encoding.ids for encoding in tokenizer.encode_batch(texts.train, add_special_tokens=False)]
    model = build_model().to(options.device)
    matrices = [p for n, p in model.named_parameters() if p.ndim == 2 and "embed" not in n and "lm_head" not in n]
    others = [p for n, p in model.named_parameters() if p.ndim != 2 or "embed" in n]
    optimizers = [
        torch.optim.Muon(matrices, lr=options.muon_lr, weight_decay=0.01, momentum=0.95),
        torch.optim.AdamW(others, lr=options.adam_lr, betas=(0.9, 0.95), weight_decay=0.0),
    ]
    steps = options.tokens // (options.batch * CONTEXT)
    schedules = [torch.optim.lr_scheduler.LambdaLR(o, lambda s: rate(s, steps)) for o in optimizers]
    packer = Packer(ids, options.seed)
    checkpoint = options.out / "checkpoint.pt"
    start, seconds = 0, 0.0
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        model.load_state_dict(state["model"])
        for optimizer, saved in zip(optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        start, seconds = state["step"], state["seconds"]
        for schedule in schedules:
            schedule.last_epoch = start
        for _ in range(start):
            packer.batch(options.batch)
    log = (options.out / "log.jsonl").open("a")

    def record(**row: object) -> None:
        log.write(json.dumps(row) + "\n")
        log.flush()
        print(row, flush=True)

    if start == 0:
        record(
            event="start",
            date=time.strftime("%Y-%m-%d"),
            python=sys.version.split()[0],
            torch=torch.__version__,
            machine=f"{platform.machine()}, {options.threads} threads, {options.device}",
            parameters=sum(p.numel() for p in model.parameters()),
            train_tokens_unique=sum(map(len, ids)),
            held_out_chars={kind: sum(map(len, held)) for kind, held in texts.held_out.items()},
            tokens=options.tokens,
            batch=options.batch,
            seed=options.seed,
            muon_lr=options.muon_lr,
            adam_lr=options.adam_lr,
            bf16=options.bf16,
        )
    ema = None
    clock = time.monotonic() - seconds
    for step in range(start + 1, steps + 1):
        batch = packer.batch(options.batch).to(options.device)
        labels = batch.masked_fill(batch == 0, -100)
        with torch.autocast(options.device, torch.bfloat16, enabled=options.bf16):
            logits = model(input_ids=batch).logits[:, :-1]
        loss = torch.nn.functional.cross_entropy(logits.reshape(-1, VOCAB).float(), labels[:, 1:].reshape(-1))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer, schedule in zip(optimizers, schedules, strict=True):
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            schedule.step()
        ema = loss.item() if ema is None else 0.98 * ema + 0.02 * loss.item()
        if step % 50 == 0 or step == steps:
            record(
                step=step,
                tokens=step * options.batch * CONTEXT,
                train=round(ema, 4),
                seconds=round(time.monotonic() - clock),
            )
        if step % 500 == 0 or step == steps:
            losses = {
                kind: held_out_loss(model, tokenizer, held, limit=10**9 if step == steps else 30_000)
                for kind, held in texts.held_out.items()
            }
            record(event="held_out", step=step, losses=losses)
            state = {
                "model": model.state_dict(),
                "optimizers": [o.state_dict() for o in optimizers],
                "step": step,
                "seconds": time.monotonic() - clock,
            }
            torch.save(state, checkpoint.with_suffix(".new"))
            checkpoint.with_suffix(".new").replace(checkpoint)
            save(model, tokenizer, options.out / "model")


def rate(step: int, steps: int) -> float:
    """Warm-up over 1 % of the run, flat, then a linear fall to zero over the last half."""
    return min(1.0, (step + 1) / max(1, steps // 100), (steps - step) / (steps * 0.5))


if __name__ == "__main__":
    main()
