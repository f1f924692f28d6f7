"""Features with known meaning, planted in real text, put through the whole pipeline.

    python -m benchmarks.ground_truth                      # make, label and score with rules, measure
    python -m benchmarks.ground_truth make --out DIR       # run directories, each with its truth.json
    python -m benchmarks.ground_truth ask RUN --llm LLM    # an LLM labels, judges, and judges labels of known truth
    python -m benchmarks.ground_truth measure DIR          # labels and scores of whoever made them

Between ``make`` and ``measure`` anyone may label and judge: ``ask`` does, and so do ``autointerp label`` and ``score``.
LLM is a provider line: ``openai:MODEL``, ``replay:openai:MODEL`` (the run's journal alone), or ``jsonl``: requests go
into a file and replies come back from one, in three rounds (labels, judgements of them, judgements of known labels):

    python -m benchmarks.ground_truth ask RUN --llm jsonl --requests-out 1.jsonl
    python -m benchmarks.ground_truth ask RUN --llm jsonl --replies-in replies-1.jsonl --requests-out 2.jsonl

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
    parser.add_argument("command", nargs="?", default="run", choices=("run", "make", "ask", "measure"))
    parser.add_argument("folder", nargs="?", type=Path, help="what make wrote; for ask one run of it")
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--tokens", type=int, default=N_TOKENS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--stories", type=Path, default=STORIES, help="TinyStories, as .jsonl or .txt")
    parser.add_argument("--llm", help="who labels and judges; for ask")
    parser.add_argument("--scorers", default="detection", help="by which known labels are judged; for ask")
    parser.add_argument("--requests-out", type=Path, help="for --llm jsonl")
    parser.add_argument("--replies-in", type=Path, help="for --llm jsonl")
    parser.add_argument("--base-url")
    parser.add_argument("--max-cost", type=float, help="in USD")
    options = parser.parse_args()
    started = time.monotonic()
    if options.command == "ask":
        _ask(options)
        return
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


def _ask(options: argparse.Namespace) -> None:
    from autointerp.errors import AutointerpError
    from autointerp.llm import Asking, Handoff, Limits
    from benchmarks.ground_truth._ask import ask

    if options.folder is None or options.llm is None:
        sys.exit("ask needs a run directory and --llm LLM")
    try:
        asking = Asking(
            base_url=options.base_url,
            limits=Limits(max_cost_usd=options.max_cost),
            handoff=Handoff.of(options.requests_out, options.replies_in),
            command=("python", "-m", "benchmarks.ground_truth", "ask", str(options.folder)),
        )
        print(ask(options.folder, llm=options.llm, asking=asking, scorers=options.scorers))
    except AutointerpError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)


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
