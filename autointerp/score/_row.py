"""``scores.parquet`` and ``scores.csv``: one row a labelled feature, also for failures."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields

import pandas as pd
import pyarrow as pa

from autointerp.run import RunDirectory, read_frame, read_rows, write_rows, write_text


@dataclass(frozen=True)
class ScoreRow:
    """How one label does on held-out contexts; what was not measured is None. The fields are the columns, in order."""

    feature: int
    outcome: str
    """The judge's ``llm.Outcome``, or the labeler's where there is no label; a POLYSEMANTIC label is ``ok``."""
    scored: bool
    """Whether a judge answered; not so for failures and for POLYSEMANTIC, which names nothing to look for."""
    tp: int | None = None
    fn: int | None = None
    tn: int | None = None
    fp: int | None = None
    balanced_accuracy: float | None = None
    ba_low: float | None = None
    """95 % interval, by MOVER."""
    ba_high: float | None = None
    mcc: float | None = None
    f1: float | None = None
    floor_none: float = 0.5
    """Balanced accuracy of one answer for all."""
    floor_token_identity: float | None = None
    """Balanced accuracy of the feature's most frequent explain tokens."""
    floor_position: float | None = None
    """Balanced accuracy of the place in the window alone."""
    shuffled_ba: float | None = None
    """Balanced accuracy of another feature's label on this feature's contexts."""
    shuffled_low: float | None = None
    shuffled_from: int | None = None
    """The feature whose label that was."""
    shuffled_outcome: str | None = None
    shuffled_verified: bool | None = None
    """Whether that label passes the test of ``verified``: a false alarm."""
    d0_hits: int | None = None
    d0_n: int = 0
    """Contexts of the lowest decile."""
    below10_hits: int | None = None
    below10_n: int = 0
    """Contexts below 10 % of the feature's maximum."""
    bottom_p_value: float | None = None
    below10_p_value: float | None = None
    bottom_verdict: str | None = None
    """``pass``, ``fail`` or ``untestable``."""
    decile_hits: list[int] | None = None
    """Contexts of each decile, the lowest first, that the judge found, of all that it saw."""
    decile_n: list[int] | None = None
    random_alarms: int | None = None
    """Silent contexts from random places in which the judge saw the feature."""
    random_n: int | None = None
    hard_alarms: int | None = None
    """The same of hard negatives: places that look alike."""
    hard_n: int | None = None
    verified: bool | None = None
    """``ba_low`` is above both floors; None for failures."""
    robust: bool | None = None
    """Verified, and passes the bottom check; None where that is untestable, and for failures."""
    beyond_token: bool | None = None
    """``ba_low`` is above ``floor_token_identity``."""
    fuzzing_outcome: str | None = None
    """Of each further scorer: None where it was not asked for, ``ok``, ``untestable``, ``not_available``, ``no_label``,
    or how the judge failed."""
    fuzzing_ba: float | None = None
    """Balanced accuracy of "are all marked tokens right?"."""
    fuzzing_low: float | None = None
    fuzzing_high: float | None = None
    fuzzing_n: int | None = None
    """Texts, half of them with right marks."""
    fuzzing_token: float | None = None
    """What the feature's most frequent explain tokens reach."""
    intruder_outcome: str | None = None
    intruder_accuracy: float | None = None
    """Share of rounds in which the one of five that does not belong was found; chance is 0.2."""
    intruder_n: int | None = None
    """Rounds, one a decile."""
    intruder_token: float | None = None
    """What choosing the rarest marked tokens reaches."""
    intruder_decile_hits: list[int] | None = None
    intruder_decile_n: list[int] | None = None
    simulation_outcome: str | None = None
    simulation_pearson: float | None = None
    """Correlation of predicted and true activations over all tokens of all texts; 0 for a constant prediction."""
    simulation_r2: float | None = None
    """1 - squared errors / squared activations: predicting 0 everywhere reaches 0."""
    simulation_n: int | None = None
    """Tokens."""
    simulation_token: float | None = None
    """Correlation that the feature's most frequent explain tokens reach."""
    cost_usd: float | None = 0.0
    """Of all judgements; None where a price is unknown."""
    tokens_in: int = 0
    tokens_out: int = 0
    reason: str = ""
    """Why there is no score; not in the CSV, which holds only numbers, ids and fixed words."""


_TYPES = {
    "int": pa.int64(),
    "float": pa.float64(),
    "bool": pa.bool_(),
    "str": pa.string(),
    "list[int]": pa.list_(pa.int64()),
}
_SCHEMA = pa.schema([(field.name, _TYPES[str(field.type).split(" | ", maxsplit=1)[0]]) for field in fields(ScoreRow)])
_CSV_COLUMNS = [name for name in _SCHEMA.names if name != "reason"]


def write_scores(run: RunDirectory, rows: Sequence[ScoreRow]) -> None:
    """Replace ``scores.parquet`` and ``scores.csv`` atomically; the same rows give the same bytes.

    Args:
        run: Where.
        rows: In any order; written by ascending feature.
    """
    ordered = [asdict(row) for row in sorted(rows, key=lambda row: row.feature)]
    write_rows(run.scores, ordered, _SCHEMA)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_CSV_COLUMNS)
    writer.writerows([_cell(row[name]) for name in _CSV_COLUMNS] for row in ordered)
    write_text(run.scores_csv, text.getvalue())


def load_scores(run: RunDirectory) -> pd.DataFrame:
    """``scores.parquet`` with its nulls as nulls.

    Raises:
        UsageError: Nothing was scored yet.
    """
    return read_frame(run.scores, missing=_none_yet(run))


def load_score_rows(run: RunDirectory) -> list[ScoreRow]:
    """``scores.parquet`` as rows, by ascending feature.

    Raises:
        UsageError: Nothing was scored yet.
    """
    return read_rows(run.scores, ScoreRow, missing=_none_yet(run))


def _none_yet(run: RunDirectory) -> str:
    return f"{run.path}: no scores yet. Run 'autointerp score {run.path}' first."


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return " ".join(map(str, value))
    return "" if value is None else value
