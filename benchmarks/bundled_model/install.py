"""Put a trained model into the package, with its card and its log.

    python benchmarks/bundled_model/install.py --from /tmp/bundled

Every figure of the card is read from the training log.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

HERE = Path(__file__).parent
PACKAGE = HERE.parents[1] / "autointerp" / "subject" / "bundled"
FILES = ("config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")
NAMES = {
    "topic": "documentation topics",
    "c_docstring": "C docstrings",
    "docstring": "Python docstrings",
    "comment": "comments",
    "source": "source files",
}
CARD = """---
license: psf-2.0
language: en
tags: [interpretability, sparse-autoencoder, tiny]
---
# The bundled model

A language model of {parameters:,} parameters, trained from scratch by this project on text that ships with CPython
{python}: standard library source (comments and code), docstrings, and the documentation topics of `help()`. It is here
so that `autointerp demo`, the tests and a first experiment run on a real language model without a download. It writes
locally plausible Python and Python documentation, and nothing else: do not judge language models by it.

- Architecture: Llama-style decoder, 3 layers, d_model 192, 6 heads, SwiGLU 576, RoPE, context {context}, tied
  embeddings.
- Tokenizer: byte-level BPE, 4,096 tokens, `<|bos|>` in front of every window.
- Weights: fp16 safetensors, Hugging Face layout; {megabytes:.1f} MB with the tokenizer.
- Training: {tokens:,} tokens ({unique:,} distinct), Muon and AdamW, {seconds:,.0f} s on {machine}, {date}.
  Script and log: `benchmarks/bundled_model/`.
- Licence of the training text: PSF-2.0 (Python Software Foundation).

Loss on text that was held out (whole files, by hash of their path; topics and C docstrings by hash; a docstring or
comment that also stands in a training file is left out):

| text | nats/token | bits/byte | tokens |
|---|---|---|---|
{rows}

Comments and Python docstrings were taken from the held-out files and filtered as said, so what is left of them is the
unrepeated, harder part.
"""


def card(log: list[dict[str, object]]) -> str:
    """The model card, from the training log's rows."""
    start = next(row for row in log if row.get("event") == "start")
    last_step = [row for row in log if "train" in row][-1]
    losses = [row for row in log if row.get("event") == "held_out"][-1]["losses"]
    assert isinstance(losses, dict)
    rows = "\n".join(
        f"| {NAMES[kind]} | {loss['nats_per_token']:.2f} | {loss['bits_per_byte']:.2f} | {loss['n_tokens']:,} |"
        for kind, loss in losses.items()
    )
    size = sum((PACKAGE / name).stat().st_size for name in FILES)
    return CARD.format(
        parameters=start["parameters"],
        python=start["python"],
        context=128,
        megabytes=size / 1e6,
        tokens=last_step["tokens"],
        unique=start["train_tokens_unique"],
        seconds=last_step["seconds"],
        machine=start["machine"],
        date=start["date"],
        rows=rows,
    )


def main() -> None:
    """Copy model and log, write the card."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--from", dest="source", type=Path, required=True)
    source = parser.parse_args().source
    PACKAGE.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        shutil.copyfile(source / "model" / name, PACKAGE / name)
    shutil.copyfile(source / "log.jsonl", HERE / "log.jsonl")
    log = [json.loads(line) for line in (HERE / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    (PACKAGE / "README.md").write_text(card(log), encoding="utf-8")


if __name__ == "__main__":
    main()
