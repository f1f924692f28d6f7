"""Harvest against the same model and encoder run without collection, interleaved on the same machine.

    python benchmarks/harvest.py --sae runs/demo/sae --tokens 100000 --rounds 5

Prints the median ratio over the rounds and writes ``results/harvest.json``. Design: at most 1.3.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from _results import write_result

import sae
from autointerp.corpus import Windows, build_windows, open_corpus
from autointerp.harvest import HarvestConfig, harvest
from autointerp.run import RunDirectory
from autointerp.subject import BridgeSubject, load_subject


def bare(model: sae.SAE, subject: BridgeSubject, windows: Windows, size: int) -> tuple[float, int]:
    """Seconds for model and sparse encoder over all windows, and the activations seen."""
    started, seen = time.perf_counter(), 0
    columns = np.arange(windows.context_length)
    for split in ("explain", "score"):
        for rows, tokens in windows.batches(split, size):
            residuals = subject.residuals(torch.from_numpy(tokens.astype(np.int64)))
            lengths = np.zeros(len(tokens), dtype=np.int64)
            lengths[: len(rows)] = windows.lengths[rows]
            real = torch.from_numpy((columns < lengths[:, None]) & (columns >= 2))
            seen += len(model.encode_sparse(residuals[real]).value)
    return time.perf_counter() - started, seen


def collected(model: sae.SAE, subject: BridgeSubject, windows: Windows, config: HarvestConfig) -> float:
    """Seconds for the whole harvest, files included."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        harvest(RunDirectory(Path(folder) / "run"), model=model, subject=subject, windows=windows, config=config)
        return time.perf_counter() - started


def main() -> None:
    """Interleave the two and print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sae", default="runs/demo/sae")
    parser.add_argument("--tokens", type=int, default=400_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    model = sae.load(options.sae, device=options.device)
    meta = model.cfg.metadata
    subject = load_subject(str(meta.model_name), hook_point=str(meta.hook_name), device=options.device)
    config = HarvestConfig()
    with tempfile.TemporaryDirectory() as folder:
        windows = build_windows(
            open_corpus(str(meta.dataset_path)),
            subject,
            context_length=meta.context_size or 128,
            prepend_bos=bool(meta.prepend_bos),
            n_tokens=options.tokens,
            out=Path(folder) / "windows",
        )
        bare(model, subject, windows, config.batch_windows)  # warm up
        rounds = []
        for _ in range(options.rounds):
            base, seen = bare(model, subject, windows, config.batch_windows)
            rounds.append((base, collected(model, subject, windows, config), seen))
    ratio = statistics.median(whole / base for base, whole, _ in rounds)
    tokens_per_s = windows.n_tokens / statistics.median(whole for _, whole, _ in rounds)
    figures: dict[str, object] = {
        "ratio": round(ratio, 3),
        "ratios": [round(whole / base, 3) for base, whole, _ in rounds],
        "harvest_tokens_per_s": round(tokens_per_s),
        "n_tokens": windows.n_tokens,
        "n_activations": rounds[0][2],
        "d_sae": model.cfg.d_sae,
        "threads": torch.get_num_threads(),
        "device": options.device,
    }
    print(f"harvest / (model + encoder): {ratio:.2f}x; {tokens_per_s:,.0f} tokens/s")
    print(write_result("harvest", figures))


if __name__ == "__main__":
    main()
