"""Recorded runs on real input: what the commands print and write, kept under results/.

    python benchmarks/record.py demo
    python benchmarks/record.py stories260k --shared ../shared
    python benchmarks/record.py grid16

``demo`` is ``autointerp demo`` from nothing. ``stories260k`` trains an 8x SAE in the middle of the stories260K model,
labels, scores and gates it; the model and its text come from outside (``--shared``), they are not part of this
repository. ``grid16`` is ``autointerp sweep configs/grid16.toml``; a stopped one goes on. The tables and the terminal's
output without its progress lines go to results/NAME/, times to results/NAME.json.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import argparse
import re
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

from _results import RESULTS, write_result

RUNS = Path("runs")
PROGRESS = re.compile(r"^\w+: [\d,]+/[\d,]+ ")

STORIES = """\
model = "{shared}/data/models/stories260K"
hook_point = "blocks.2.hook_resid_post"
corpus = "{shared}/data/corpora/tinystories_sample.jsonl"
context_length = 128
expansion = 8
n_tokens = 400_000
n_train = 1_200_000
l1_coefficient = 2.0
resample_every = 100
"""


class Recorder:
    """Runs commands and keeps what they print."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.lines: list[str] = []
        self.seconds: dict[str, float] = {}
        self.went_on = False
        """Whether part of the work was done before; then times say nothing."""

    def run(self, *arguments: str, stdout: Path | None = None) -> None:
        """Run one command; exits where it fails."""
        command = shlex.join(["autointerp", *arguments])
        self.lines.append(f"$ {command}" + (f" > {stdout}" if stdout else ""))
        print(self.lines[-1], flush=True)
        started = time.perf_counter()
        with subprocess.Popen(
            [sys.executable, "-m", "autointerp", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if stdout else subprocess.STDOUT,
            text=True,
        ) as process:
            out, err = process.communicate()
        self.seconds[command] = round(time.perf_counter() - started, 1)
        if stdout:
            stdout.write_text(out, encoding="utf-8")
            out = err
        print(out)
        self.lines += [line.rstrip() for line in out.splitlines() if not PROGRESS.match(line)]
        if process.returncode:
            sys.exit(f"{command} ended with {process.returncode}")

    def keep(self, name: str, run: Path, files: tuple[str, ...] = ("labels.csv", "summary.json")) -> None:
        """Write results/NAME/ and results/NAME.json."""
        folder = RESULTS / name
        folder.mkdir(parents=True, exist_ok=True)
        for file in files:
            shutil.copyfile(run / file, folder / file)
        (folder / "terminal.txt").write_text("\n".join(self.lines) + "\n", encoding="utf-8")
        print(write_result(name, {"seconds": None if self.went_on else self.seconds}))


def demo(recorder: Recorder) -> None:
    """The demo from nothing."""
    run = RUNS / "demo"
    shutil.rmtree(run, ignore_errors=True)
    recorder.run("demo", "--out", str(run))
    recorder.keep("demo", run)


def stories260k(recorder: Recorder, shared: Path) -> None:
    """The main job on a model and a corpus from outside."""
    work = RUNS / "stories260k"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    config, sae_folder, run, baseline = work / "train.toml", work / "sae", work / "run", work / "baseline.json"
    config.write_text(STORIES.format(shared=shared.as_posix()), encoding="utf-8")
    recorder.run("train", str(config), "--out", str(sae_folder))
    features = "top25,bottom25,random:100"
    recorder.run(
        "label", "--sae", str(sae_folder), "--out", str(run), "--features", features, "--llm", "rules",
        "--tokens", "400000",
    )  # fmt: skip
    recorder.run("score", str(run))
    recorder.run("baseline", str(run), stdout=baseline)
    recorder.run("gate", str(run), "--baseline", str(baseline))
    recorder.keep("stories260k", run)
    shutil.copyfile(config, RESULTS / "stories260k" / "train.toml")


def grid16(recorder: Recorder) -> None:
    """The study's 16 variants."""
    out = RUNS / "grid16"
    recorder.went_on = out.exists()
    recorder.run("sweep", "configs/grid16.toml", "--out", str(out), "--resume")
    recorder.keep("grid16", out, ("sweep.csv",))


def main() -> None:
    """Run and record one of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=("demo", "stories260k", "grid16"))
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    options = parser.parse_args()
    if options.name == "demo":
        demo(Recorder())
    elif options.name == "grid16":
        grid16(Recorder())
    else:
        stories260k(Recorder(), options.shared)


if __name__ == "__main__":
    main()
