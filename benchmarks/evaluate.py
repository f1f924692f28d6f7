"""Every suite of ``autointerp evaluate`` on the bundled model: tables, figures and pages under results/evaluate/.

    python benchmarks/evaluate.py [--work runs/evaluate]

Trains what the suites compare (penalties at several coefficients, an SAE a layer, one for short contexts), evaluates
the demo's SAE alone and among others, and keeps what was written: ``demo`` (the whole suite on one SAE, timed),
``penalties`` (removal and fronts over penalties), ``layers`` and ``context``. What is done is not done again. The times
and the predictions that the tables bear out or don't go to results/evaluate.json.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import argparse
import shutil
import sys
from pathlib import Path

from _evaluate_predictions import predictions
from _results import RESULTS, write_result

import autointerp
from autointerp.cli._progress import terminal_progress
from autointerp.train import SweepConfig, TrainingConfig, train_sweep
from autointerp.verbs import DEMO_TRAINING

MIDDLE = DEMO_TRAINING.hook_point
COEFFICIENTS = [0.7, 1.5, 3.0, 5.0]
SHARED = {
    "model": "bundled", "hook_point": MIDDLE, "corpus": "python", "context_length": 128, "n_tokens": 400_000,
    "n_train": 614_400, "n_eval": 0, "batch_size": 1024, "expansion": 4,
}  # fmt: skip
PENALTIES = SweepConfig(
    train=SHARED, grid={"penalty": ["l1", "sqrt", "fourth_root", "l0:0.2"], "l1_coefficient": COEFFICIENTS}
)
FREQUENCY = SweepConfig(
    train={**SHARED, "penalty": "l0:0.2", "frequency_coefficient": 0.05, "frequency_min": 1e-4},
    grid={"l1_coefficient": COEFFICIENTS},
)
LAYERS = [f"blocks.{layer}.hook_resid_post" for layer in range(3)]
SHORT_CONTEXT = 32
KEPT = ("*.csv", "*.png", "*.svg", "findings.json")
LARGEST_BYTES = 300_000
"""Files above this are not kept under results/."""


def main() -> None:
    """Train, evaluate, keep, compare with the predictions."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, default=Path("runs/evaluate"))
    work: Path = parser.parse_args().work
    saes, progress = work / "saes", terminal_progress()
    trained = [*train_sweep(PENALTIES, saes / "penalties", progress, resume=True).values()]
    trained += train_sweep(FREQUENCY, saes / "frequency", progress, resume=True).values()
    one = {**DEMO_TRAINING.model_dump(), "n_eval": 0}
    layers = [
        _train(saes / hook, TrainingConfig(**{**one, "hook_point": hook, "l1_coefficient": 2.0})) for hook in LAYERS
    ]
    short = _train(
        saes / "short_context", TrainingConfig(**{**one, "context_length": SHORT_CONTEXT, "l1_coefficient": 2.0})
    )
    demo = _train(saes / "demo", DEMO_TRAINING)
    ladder = [folder for folder in trained if "l1_l1" in folder.name or folder.parent.name == "frequency"]

    seconds = {}
    for name, paths, suites in (
        ("demo", [demo], None),
        ("penalties", trained, ["pareto"]),
        ("removal", [ladder[1], *ladder[2:4]], ["removal"]),
        ("layers", layers, ["layers", "propagation"]),
        ("context", [short], ["context"]),
    ):
        results = autointerp.evaluate(paths, work / name, suites=suites, progress=progress)
        seconds[name] = round(sum(found.seconds for found in results), 1)
        _keep(work / name / "evaluate", RESULTS / "evaluate" / name)
    write_result("evaluate", {"seconds": seconds, "predictions": predictions(RESULTS / "evaluate")})


def _train(folder: Path, config: TrainingConfig) -> Path:
    if not (folder / "cfg.json").exists():
        autointerp.train(config, folder, resume=folder.exists(), progress=terminal_progress())
    return folder


def _keep(source: Path, target: Path) -> None:
    """Copy a run's findings; what is too large for a repository is named and left."""
    shutil.rmtree(target, ignore_errors=True)
    for file in sorted(found for pattern in KEPT for found in source.rglob(pattern)):
        if file.stat().st_size > LARGEST_BYTES:
            print(f"left out: {file} ({file.stat().st_size:,} bytes)", file=sys.stderr)
            continue
        (target / file.relative_to(source)).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target / file.relative_to(source))
    shutil.copyfile(source / "report.md", target / "report.md")


if __name__ == "__main__":
    main()
