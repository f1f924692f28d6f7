"""What the seed studies' authors found, tried again on a small model: which findings hold here, and which do not.

    python benchmarks/predictions.py
    python benchmarks/predictions.py --shared ../shared

Trains some fifty small SAEs, in three passes, on the bundled model's activations, or with ``--shared`` on those of the
stories260K model from outside. Prints a line a prediction and writes results/predictions.json
(predictions_stories260k.json). What needs labels, text or a cross-entropy is not among them.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import argparse
import time
from dataclasses import asdict
from pathlib import Path

import torch
from _inputs import Site, read_inputs
from _prediction_rows import (
    fine_tuning,
    l0_approximation,
    loss_modes,
    pre_encoder_bias,
    resampling,
    roots,
    selectivity,
    stack,
)
from _prediction_saes import (
    Sizes,
    train_every_position,
    train_grid,
    train_penalties,
    train_second_stage,
    train_without_pre_encoder_bias,
)
from _results import write_result

VERDICTS = {True: "holds", False: "DOES NOT HOLD", None: "can't be told here"}


def main() -> None:
    """Train, judge, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, help="folder with data/models/stories260K and its corpus")
    parser.add_argument("--n-tokens", type=int, default=600_000)
    parser.add_argument("--n-penalties", type=int, default=204_800, help=Sizes.__doc__)
    parser.add_argument("--n-grid", type=int, default=102_400)
    parser.add_argument("--work", type=Path, default=Path("runs/predictions"), help="for activations")
    options = parser.parse_args()
    started = time.perf_counter()
    data = options.shared and options.shared / "data"
    site = Site() if data is None else Site(
        str(data / "models" / "stories260K"), "blocks.2.hook_resid_post",
        str(data / "corpora" / "tinystories_sample.jsonl"),
    )  # fmt: skip
    work = options.work / ("bundled" if data is None else "stories260k")
    sizes = Sizes(options.n_penalties, options.n_grid)
    inputs = read_inputs(site, options.n_tokens, work)
    every_position = read_inputs(site, options.n_tokens // 3, work / "every_position", every_position=True)
    penalties = train_penalties(inputs, sizes)
    rows = [
        *loss_modes(penalties),
        pre_encoder_bias(penalties, train_without_pre_encoder_bias(inputs, sizes)),
        *resampling(train_grid(inputs, sizes)),
        *selectivity(train_every_position(every_position, sizes)),
        *l0_approximation(penalties),
        *roots(penalties),
        *stack(penalties, train_second_stage(penalties, sizes)),
        *fine_tuning(penalties),
    ]
    for row in rows:
        print(f"{VERDICTS[row.holds]:18} {row.system}: {row.prediction}\n{'':18} {row.measured} {row.note}")
    figures = {
        "rows": [{**asdict(row), "verdict": VERDICTS[row.holds]} for row in rows],
        "points": {name: {k: round(v, 5) for k, v in facts.point.items()} for name, facts in penalties.facts.items()},
        "model": "bundled" if data is None else "stories260K", "hook_point": site.hook_point, **asdict(sizes),
        "n_training": len(inputs.training), "n_held_out": len(inputs.held_out), "d_in": inputs.d_in,
        "threads": torch.get_num_threads(), "seconds": round(time.perf_counter() - started),
    }  # fmt: skip
    print(write_result("predictions" if data is None else "predictions_stories260k", figures))


if __name__ == "__main__":
    main()
