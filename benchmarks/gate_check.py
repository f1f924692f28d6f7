"""The gate on the bundled model: the demo against the committed baseline, itself, and an SAE known to be worse.

    python benchmarks/gate_check.py [--write-baseline]

1. ``autointerp demo`` (or what is left of an earlier one under runs/demo) is held against results/baseline.json.
2. The same SAE, harvested and labelled once more, must pass against the demo's own baseline.
3. The SAE with its encoder directions and biases summed in random pairs must fail (exit 3).

Exits 1 when any of the three does not. ``--write-baseline`` renews results/baseline.json first.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

from _results import RESULTS, write_result

BASELINE = RESULTS / "baseline.json"
RUNS = Path("runs")


def autointerp(*arguments: str | Path, stdout: Path | None = None) -> int:
    """Run the command line and return its exit code."""
    command = [sys.executable, "-m", "autointerp", *map(str, arguments)]
    print("$ autointerp", *arguments, flush=True)
    if stdout is None:
        return subprocess.run(command, check=False).returncode
    with stdout.open("w", encoding="utf-8") as out:
        return subprocess.run(command, check=False, stdout=out).returncode


def label_and_score(sae_folder: Path, run: Path) -> None:
    """Label and score an SAE afresh, with the demo's settings."""
    from autointerp.verbs import DEMO_FEATURES, DEMO_TOKENS

    shutil.rmtree(run, ignore_errors=True)
    options = ["--llm", "rules", "--features", DEMO_FEATURES, "--tokens", str(DEMO_TOKENS)]
    if autointerp("label", "--sae", sae_folder, "--out", run, *options) or autointerp("score", run):
        sys.exit(f"{run}: labelling or scoring failed")


def main() -> None:
    """Run the three checks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write-baseline", action="store_true")
    options = parser.parse_args()
    if autointerp("demo", "--out", RUNS / "demo"):
        sys.exit("the demo failed")
    if options.write_baseline:
        autointerp("baseline", RUNS / "demo", stdout=BASELINE)
    committed = autointerp("gate", RUNS / "demo", "--baseline", BASELINE)
    own = RUNS / "demo-baseline.json"
    autointerp("baseline", RUNS / "demo", stdout=own)
    label_and_score(RUNS / "demo" / "sae", RUNS / "gate-same")
    same = autointerp("gate", RUNS / "gate-same", "--baseline", own)

    import sae
    from sae.compare import sum_random_pairs

    worse_folder = RUNS / "gate-worse-sae"
    shutil.rmtree(worse_folder, ignore_errors=True)
    sae.save(sum_random_pairs(sae.load(RUNS / "demo" / "sae"), seed=0), worse_folder)
    label_and_score(worse_folder, RUNS / "gate-worse")
    worse = autointerp("gate", RUNS / "gate-worse", "--baseline", own)

    figures: dict[str, object] = {"committed_baseline": committed, "unchanged": same, "worse": worse}
    print("exit codes:", figures)
    if options.write_baseline:
        print(write_result("gate_check", {"exit_codes": figures}))
    sys.exit(0 if (committed, same, worse) == (0, 0, 3) else 1)


if __name__ == "__main__":
    main()
