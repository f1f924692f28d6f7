"""An LLM labels a planted run, judges its labels, and judges labels that are known to be right or wrong."""

from __future__ import annotations

import json
from pathlib import Path

from autointerp.corpus import Windows
from autointerp.label import label_features
from autointerp.llm import Asking
from autointerp.run import RunDirectory, write_text
from autointerp.score import parse_scorers, score_features
from benchmarks.ground_truth._known import look, vocabulary
from benchmarks.ground_truth._known_labels import judge_known, judged_file
from benchmarks.ground_truth._make import bundled
from benchmarks.ground_truth._truth import Truth


def ask(folder: Path, *, llm: str, asking: Asking, scorers: str) -> Path:
    """Ask for everything that ``measure`` measures; what the journal has is not asked again.

    Args:
        folder: A run directory that ``make`` wrote.
        llm: A provider line.
        asking: How it is reached; a hand-off goes through three rounds of files.
        scorers: By which known labels are judged, with commas between them.

    Returns:
        The file with the figures about known labels.

    Raises:
        UsageError: The provider line or a scorer's name is wrong.
        IncompleteError: Replies are still to come.
    """
    names = parse_scorers(scorers)
    run, truth = RunDirectory.open(folder), Truth.read(folder)
    label_features(run, llm=llm, asking=asking)
    score_features(run, llm=llm, asking=asking)
    known = look(Windows.open(run.windows), vocabulary(bundled()), seed=truth.seed)
    figures = judge_known(run, truth, known, llm=llm, asking=asking, scorers=names)
    write_text(judged_file(folder), json.dumps(figures, indent=1) + "\n")
    return judged_file(folder)
