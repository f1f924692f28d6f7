"""Frozen-encoder fine-tuning of the demo's SAE: the shrinkage of its L1 penalty undone, on held-out text.

    python benchmarks/finetune.py [--sae runs/demo/sae --tokens 300000]

Runs ``autointerp.finetune`` with both things to tune and both methods (takes ``make demo`` first). Writes
results/finetune.json.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from _results import write_result

import autointerp

FIGURES = ("fvu", "l2_ratio", "cosine", "l0", "loss_recovered")


def main() -> None:
    """Tune, print the table, write it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sae", default="runs/demo/sae")
    parser.add_argument("--tokens", type=int, default=300_000)
    options = parser.parse_args()
    rows = []
    for tune in ("scale", "decoder"):
        for method in ("least-squares", "gradient"):
            with tempfile.TemporaryDirectory() as folder:
                tuned = autointerp.finetune(
                    options.sae,
                    Path(folder) / "sae",
                    tune=tune,  # type: ignore[arg-type]
                    method=method,  # type: ignore[arg-type]
                    n_tokens=options.tokens,
                ).report
            rows.append(
                {"tune": tune, "method": method, **tuned.model_dump(include={"after", "difference", "n_tuned"})}
            )
            print(f"{tune:8s} {method:14s}", *(f"{name} {tuned.after[name]:.3f}" for name in FIGURES))
    print(f"{'before':23s}", *(f"{name} {tuned.before[name]:.3f}" for name in FIGURES))
    same = {"sae_sha256", "n_features", "n_tokens", "n_held_out", "min_active", "before"}
    print(write_result("finetune", {**tuned.model_dump(include=same), "rows": rows}))


if __name__ == "__main__":
    main()
