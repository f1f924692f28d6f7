"""A run beside the real one, about other features or a null: labelled and judged as the real one was."""

from __future__ import annotations

from autointerp.errors import IncompleteError
from autointerp.export import write_labels_csv
from autointerp.label import label_features, load_label_rows
from autointerp.llm import Asking
from autointerp.run import LLMInput, Progress, RunDirectory
from autointerp.score import load_score_rows, score_features


def label_and_score(
    side: RunDirectory,
    *,
    labeler: LLMInput,
    label_asking: Asking,
    judge: str,
    asking: Asking,
    go_on: str,
    progress: Progress,
) -> None:
    """Label and judge a run that has contexts; answers that its journal has are not asked for again.

    Args:
        side: The run.
        labeler: Who labels.
        label_asking: How the labeler is asked.
        judge: Who judges.
        asking: How the judge is asked.
        go_on: The command that goes on when a budget ends.
        progress: Listener.

    Raises:
        IncompleteError: The budget ended first, or a hand-off's replies are awaited.
    """
    try:
        with progress.stage("labels", "features") as tick:
            label_features(side, llm=labeler.provider, asking=label_asking, progress=tick)
        write_labels_csv(side)
        with progress.stage("scores", "judgements") as tick:
            score_features(side, llm=judge, asking=asking, progress=tick)
    except IncompleteError as error:
        if "skipped_budget" not in _outcomes(side):
            raise
        raise IncompleteError(
            f"{side.path}: the budget ended before its answers did. Go on with '{go_on}' and a higher limit."
        ) from error


def _outcomes(side: RunDirectory) -> set[str | None]:
    labels = load_label_rows(side) if side.labels.exists() else []
    scores = load_score_rows(side) if side.scores.exists() else []
    return {row.outcome for row in labels} | {end for row in scores for end in (row.outcome, row.shuffled_outcome)}
