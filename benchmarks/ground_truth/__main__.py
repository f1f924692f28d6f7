"""Features with known meaning, planted in real text, put through the whole pipeline.

    python -m benchmarks.ground_truth                      # make, label and score with rules, measure
    python -m benchmarks.ground_truth make --out DIR       # run directories, each with its truth.json
    python -m benchmarks.ground_truth measure DIR          # labels and scores of whoever made them

Between ``make`` and ``measure`` anyone may label and judge, as any run that was begun:

    autointerp label --out DIR/python --resume --llm openai:MODEL
    autointerp score DIR/python --llm openai:MODEL

Only the default writes ``results/ground_truth.json``. The text is Python's own, and TinyStories where that lies beside
the checkout or is named. What is planted: ``_predicates``, ``_noise`` and ``_plan``; how: ``_subject``.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import argparse
import sys
import time
from pathlib import Path

from benchmarks._results import write_result

OUT = Path("runs/ground_truth")
N_TOKENS = 250_000
STORIES = Path(__file__).parents[3] / "shared" / "data" / "corpora" / "tinystories_sample.jsonl"


def main() -> None:
    """Run a command."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.ground_truth",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", nargs="?", default="run", choices=("run", "make", "measure"))
    parser.add_argument("folder", nargs="?", type=Path, help="what make wrote; for measure")
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--tokens", type=int, default=N_TOKENS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--stories", type=Path, default=STORIES, help="TinyStories, as .jsonl or .txt")
    options = parser.parse_args()
    started = time.monotonic()
    if options.command != "measure":
        _make(options.out, options.stories, options.tokens, options.seed)
    if options.command == "run":
        _label(options.out)
    if options.command == "make":
        return
    figures = _measure(options.folder or options.out)
    if options.command == "run":
        print(write_result("ground_truth", {"seconds": round(time.monotonic() - started), "runs": figures}))


def _make(out: Path, stories: Path, n_tokens: int, seed: int) -> None:
    from benchmarks.ground_truth._make import make

    corpora = {"python": "python"} | ({"stories": str(stories)} if stories.is_file() else {})
    for name, corpus in corpora.items():
        run = make(out / name, corpus=corpus, n_tokens=n_tokens, seed=seed)
        print(f"{run.path}: made", flush=True)


def _label(out: Path) -> None:
    from autointerp.label import label_features
    from autointerp.run import RunDirectory
    from autointerp.score import score_features

    for folder in _runs(out):
        run = RunDirectory.open(folder)
        label_features(run, llm="rules")
        score_features(run, llm="rules")
        print(f"{folder}: labelled and scored", flush=True)


def _measure(out: Path) -> dict[str, object]:
    from benchmarks.ground_truth._make import bundled
    from benchmarks.ground_truth._measure import measure
    from benchmarks.ground_truth._show import show

    tokenizer = bundled()
    figures: dict[str, object] = {}
    for folder in _runs(out):
        found = measure(folder, tokenizer)
        print(show(found), end="\n\n", flush=True)
        figures[folder.name] = found
    return figures


def _runs(out: Path) -> list[Path]:
    from benchmarks.ground_truth._truth import FILE

    folders = sorted(file.parent for file in [*out.glob(FILE), *out.glob(f"*/{FILE}")])
    if not folders:
        sys.exit(f"{out}: no planted run here. Make one: python -m benchmarks.ground_truth make --out {out}")
    return folders


if __name__ == "__main__":
    main()
