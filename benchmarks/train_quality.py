"""ReLU and TopK SAEs against SAELens's and dictionary_learning's: FVU at equal L0, from the same vectors and steps.

    python benchmarks/train_quality.py [--n-train 307200 --batch 1024 --expansion 8 --model bundled ...]

All trainers get the same batches, in the same order, already scaled to a mean norm of sqrt(d_in), the same warm-up and
decay of the learning rate, and the same warm-up of L1; initialisation, decoder norms, clipping and the rest are each
trainer's own. Each one's learning rate is the best of the same few (``--lrs``) by its objective on vectors that nothing
else is measured on, at the first strength of ``--l1s`` and ``--ks``. Finished SAEs are read with ``sae.load`` and
measured by one program on held-out vectors. ReLU SAEs are compared by interpolation in log L0, TopK SAEs at equal k.
Trainers that are not installed are left out and named (an environment for them: ``pip install sae_lens
dictionary-learning``). Writes results/train_quality.json. ``--ours`` trains this project's alone and takes the rivals'
points from the file that is there, if it was made with the same settings; seconds are then those of two runs, not to
be compared.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import argparse
import importlib.metadata
import importlib.util
import json
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from _curve import at_l0, shared_l0s
from _inputs import Inputs, Site, read_inputs
from _results import RESULTS, write_result
from _rivals import TRAINERS, Task
from torch import Tensor

import sae
from sae.metrics import Quality

RIVALS = {"sae_lens", "dictionary_learning"}
"""Packages that other trainers come from."""
N_TUNING = 10_000
"""Held-out vectors on which learning rates are chosen; SAEs are measured on the others."""

Point = dict[str, str | float | None]


@dataclass(frozen=True)
class Measured:
    """An SAE on some vectors."""

    quality: Quality
    penalty: float
    """Features times the norms of their decoder rows, summed over features, mean over inputs: what L1 weighs."""
    dead: float
    """Share of the features that fire on none of them."""

    def objective(self, task: Task) -> float:
        """What was minimised: squared error an input, plus the penalty."""
        error = self.quality.squared_error / self.quality.n
        return error + (task.strength * self.penalty if task.architecture == "standard" else 0.0)


@torch.no_grad()
def measure(model: sae.SAE, vectors: Tensor) -> Measured:
    """Measure an SAE, from whatever trainer.

    Args:
        model: As ``sae.load`` gives it.
        vectors: [n, d_in].
    """
    norms, fired = model.W_dec.norm(dim=1), torch.zeros(model.cfg.d_sae, dtype=torch.bool)
    quality, penalty = None, 0.0
    for x in vectors.split(4096):
        features = model.encode(x)
        measured = Quality.of(x, model.decode(features), features)
        quality = measured if quality is None else quality + measured
        penalty += float((features @ norms).sum())
        fired |= (features > 0).any(dim=0)
    assert quality is not None
    return Measured(quality, penalty / len(vectors), float(1 - fired.float().mean()))


class Comparison:
    """Trains and measures, and keeps what was found."""

    def __init__(self, inputs: Inputs, options: argparse.Namespace) -> None:
        """Nothing trained yet."""
        self.vectors = inputs.shuffled(options.n_train)
        self.tuning, self.held_out = inputs.held_out[:N_TUNING], inputs.held_out[N_TUNING:]
        self.options = options
        self.points: list[Point] = []
        self.tuned: list[Point] = []

    def recall(self, recorded: Mapping[str, Any]) -> None:
        """Take the rivals' points and learning rates from a result of the same settings."""
        self.points += [point for point in recorded["points"] if point["trainer"] != "autointerp"]
        self.tuned += [one for one in recorded["learning_rates"] if one["trainer"] != "autointerp"]

    def curve(self, architecture: str, trainer: str, strengths: list[float]) -> list[Mapping[str, float]]:
        """Choose the learning rate at the first strength, then train at every strength; unless it was recalled."""
        options = self.options
        if self._numbers(architecture, trainer):
            return self._numbers(architecture, trainer)
        task = Task(
            architecture, strengths[0], options.lrs[0], options.expansion * self.vectors.shape[1], options.batch,
            options.warmup, options.decay,
        )  # fmt: skip
        tried = {lr: self._train(trainer, replace(task, lr=lr)) for lr in options.lrs}
        objectives = {lr: measure(model, self.tuning).objective(task) for lr, (model, _) in tried.items()}
        best = min(objectives, key=lambda lr: objectives[lr])
        for lr, objective in objectives.items():
            self.tuned.append({"architecture": architecture, "trainer": trainer, "lr": lr, "objective": objective})
        self._note(trainer, replace(task, lr=best), *tried[best])
        again = replace(task, lr=best, seed=1)
        self._note(trainer, again, *self._train(trainer, again))
        for strength in strengths[1:]:
            other = replace(task, lr=best, strength=strength)
            self._note(trainer, other, *self._train(trainer, other))
        return self._numbers(architecture, trainer)

    def _train(self, trainer: str, task: Task) -> tuple[sae.SAE, float]:
        started = time.perf_counter()
        model = TRAINERS[task.architecture][trainer](self.vectors, task)
        return model, time.perf_counter() - started

    def _note(self, trainer: str, task: Task, model: sae.SAE, seconds: float) -> None:
        found = measure(model, self.held_out)
        quality = found.quality
        self.points.append({
            "architecture": task.architecture, "trainer": trainer,
            "k" if task.architecture == "topk" else "l1": task.strength, "lr": task.lr, "seed": task.seed,
            "l0": round(quality.l0, 2), "fvu": round(quality.fvu, 4), "dead": round(found.dead, 4),
            "l2_ratio": round(quality.l2_ratio, 4), "train_s": round(seconds, 1),
        })  # fmt: skip
        print(" ".join(f"{name} {value}" for name, value in self.points[-1].items()), flush=True)

    def _numbers(self, architecture: str, trainer: str) -> list[Mapping[str, float]]:
        mine = [p for p in self.points if (p["architecture"], p["trainer"], p["seed"]) == (architecture, trainer, 0)]
        return [{name: v for name, v in point.items() if isinstance(v, int | float)} for point in mine]


def table(architecture: str, curves: Mapping[str, list[Mapping[str, float]]]) -> list[Point]:
    """FVU of every trainer at the same L0s (ReLU: interpolated) or ks, and the best rival's over this project's."""
    by_k = architecture == "topk"
    where = [p["k"] for p in curves["autointerp"]] if by_k else shared_l0s(list(curves.values()), 4)
    rows = []
    for l0 in sorted(where):
        row: Point = {"architecture": architecture, "k" if by_k else "l0": round(l0, 1)}
        fvus = {
            trainer: next(p["fvu"] for p in points if p["k"] == l0) if by_k else at_l0(points, "fvu", l0)
            for trainer, points in curves.items()
        }
        rivals = [fvu for trainer, fvu in fvus.items() if trainer != "autointerp" and fvu is not None]
        ours = fvus["autointerp"]
        row |= {trainer: fvu and round(fvu, 4) for trainer, fvu in fvus.items()}
        row["best_rival_over_ours"] = round(min(rivals) / ours, 3) if rivals and ours else None
        rows.append(row)
        print(" ".join(f"{name} {value}" for name, value in row.items()), flush=True)
    return rows


def versions() -> dict[str, str]:
    """Of the rivals that are there."""
    found = {}
    for package in ("sae-lens", "dictionary-learning", "numba"):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def main() -> None:
    """Train everything, print the tables, write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("--model", Site.model), ("--hook-point", Site.hook_point), ("--corpus", Site.corpus)):
        parser.add_argument(name, default=default)
    for name, number in (("--n-tokens", 600_000), ("--n-train", 307_200), ("--batch", 1024), ("--expansion", 8)):
        parser.add_argument(name, type=int, default=number)
    parser.add_argument("--warmup", type=int, default=100, help="steps")
    parser.add_argument("--decay", type=float, default=0.2, help="share of the steps")
    parser.add_argument("--lrs", type=float, nargs="+", default=[3e-3, 1e-2, 3e-2])
    parser.add_argument("--l1s", type=float, nargs="+", default=[2.0, 0.7, 1.2, 4.0])
    parser.add_argument("--ks", type=float, nargs="+", default=[16, 8, 32])
    parser.add_argument("--work", type=Path, default=Path("runs/train_quality"), help="for activations")
    parser.add_argument("--ours", action="store_true", help="take the rivals' points from the file that is there")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    started = time.perf_counter()
    site = Site(options.model, options.hook_point, options.corpus)
    comparison = Comparison(read_inputs(site, options.n_tokens, options.work), options)
    settings = {
        "threads": torch.get_num_threads(), "d_in": comparison.vectors.shape[1],
        "n_held_out": len(comparison.held_out),
        **{name: value for name, value in vars(options).items() if name not in {"work", "ours"}},
    }  # fmt: skip
    rivals, installed = versions(), {name for name in RIVALS if importlib.util.find_spec(name)}
    if options.ours:
        recorded = json.loads((RESULTS / "train_quality.json").read_text(encoding="utf-8"))
        if other := {name for name, value in settings.items() if recorded[name] != value}:
            parser.error(f"--ours: the file was made with other values of {', '.join(sorted(other))}")
        comparison.recall(recorded)
        rivals, installed = recorded["rivals"], RIVALS - set(recorded["missing"])
    rows = []
    for architecture, strengths in (("standard", options.l1s), ("topk", options.ks)):
        there = [name for name in TRAINERS[architecture] if name.split()[0] in {"autointerp", *installed}]
        rows += table(architecture, {trainer: comparison.curve(architecture, trainer, strengths) for trainer in there})
    figures = {
        "at_equal_l0": rows, "points": comparison.points, "learning_rates": comparison.tuned,
        "missing": sorted(RIVALS - installed), "rivals": rivals, "rivals_recalled": options.ours,
        "seconds": round(time.perf_counter() - started), **settings,
    }  # fmt: skip
    print(write_result("train_quality", figures))


if __name__ == "__main__":
    main()
