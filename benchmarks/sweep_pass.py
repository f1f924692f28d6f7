"""Sixteen SAEs in one pass of the model against sixteen trainings of one.

    python benchmarks/sweep_pass.py [--n-train 100000]

The grid of configs/grid16.toml, cut short, on the bundled model; windows, evaluation and files included. The SAEs of
both ways must be the same bits. Writes results/sweep_pass.json.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import argparse
import tempfile
import time
from pathlib import Path

from _results import write_result

import sae
from autointerp.train import SweepConfig, train_sae, train_sweep

CONFIG = Path(__file__).parents[1] / "configs" / "grid16.toml"


def main() -> None:
    """Train both ways and print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n-train", type=int, default=100_000)
    options = parser.parse_args()
    published = SweepConfig.read(CONFIG)
    short = {"n_tokens": options.n_train, "n_train": options.n_train, "n_eval": 10_000, "buffer_size": 16_384}
    config = published.model_copy(update={"train": {**published.train, **short}})
    alone_s = 0.0
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        together = train_sweep(config, Path(folder) / "sweep")
        together_s = time.perf_counter() - started
        for name, variant in config.variants().items():
            started = time.perf_counter()
            alone = train_sae(variant, Path(folder) / "alone" / name)
            alone_s += time.perf_counter() - started
            if alone.fingerprint() != sae.load(together[name]).fingerprint():
                raise SystemExit(f"{name}: not the SAE it is alone")
    figures = {
        "together_s": round(together_s, 1), "alone_s": round(alone_s, 1), "ratio": round(alone_s / together_s, 2),
        "n_saes": len(together), "n_train": options.n_train,
    }  # fmt: skip
    print("one pass: {together_s} s; one by one: {alone_s} s; {ratio}x".format(**figures))
    print(write_result("sweep_pass", figures))


if __name__ == "__main__":
    main()
