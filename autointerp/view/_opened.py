"""A run directory as pages need it: each file read once, when it is first asked for."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cached_property
from typing import Any

import pandas as pd

from autointerp.corpus import Windows
from autointerp.errors import UsageError
from autointerp.harvest import Context, load_contexts, load_features
from autointerp.label import LabelRow, load_groups, load_label_rows
from autointerp.llm import Journal
from autointerp.run import Manifest, RunDirectory
from autointerp.score import ScoreRow, load_score_rows, load_summary


class Opened:
    """One run, read-only. What it does not have yet is empty; only the harvest must be there."""

    def __init__(self, run: RunDirectory) -> None:
        """Open.

        Args:
            run: At least harvested.

        Raises:
            UsageError: There is no run, or it has no features yet.
        """
        self.run = run
        self.manifest: Manifest = run.read_manifest()
        frame = load_features(run)
        self.features: pd.DataFrame = frame.astype(object).where(frame.notna(), None)
        """``features.parquet`` as Python values, None where there is none."""

    @property
    def title(self) -> str:
        """The folder's name."""
        return self.run.path.resolve().name

    def statistics(self, feature: int) -> dict[str, Any]:
        """A feature's row of ``features.parquet``.

        Raises:
            UsageError: There is no such feature.
        """
        if feature not in self._rows:
            raise UsageError(f"there is no feature {feature}")
        return {str(name): value for name, value in self.features.iloc[self._rows[feature]].items()}

    @cached_property
    def _rows(self) -> dict[int, int]:
        return {int(feature): row for row, feature in enumerate(self.features["feature"])}

    @cached_property
    def groups(self) -> dict[str, list[int]]:
        """Selected features by group; empty before a selection."""
        return load_groups(self.run) if self.manifest.config.get("groups") else {}

    @cached_property
    def labels(self) -> dict[int, LabelRow]:
        """Labels by feature."""
        return {row.feature: row for row in load_label_rows(self.run)} if self.run.labels.exists() else {}

    @cached_property
    def scores(self) -> dict[int, ScoreRow]:
        """Scores by feature."""
        return {row.feature: row for row in load_score_rows(self.run)} if self.run.scores.exists() else {}

    def contexts(self, features: Collection[int]) -> dict[int, list[Context]]:
        """Contexts of some features; those that have none are left out."""
        return load_contexts(self.run, features) if self.run.contexts.exists() else {}

    @cached_property
    def detailed(self) -> list[int]:
        """Features that there is more about than statistics, ascending."""
        chosen = {feature for ids in self.groups.values() for feature in ids}
        return sorted(chosen | self.labels.keys())

    @cached_property
    def journal_rows(self) -> dict[int, list[int]]:
        """Ids of the journal's attempts by the feature that they are about, which is the second word of their tag."""
        if not self.run.journal.exists():
            return {}
        with Journal(self.run.journal, read_only=True) as journal:
            tags = journal.tags()
        found: dict[int, list[int]] = {}
        for number, tag in tags:
            words = tag.split()
            if len(words) > 1 and words[1].isdecimal():
                found.setdefault(int(words[1]), []).append(number)
        return found

    @cached_property
    def windows(self) -> Windows:
        """The text.

        Raises:
            UsageError: It is not there any more.
        """
        return Windows.open(self.run.windows)

    @cached_property
    def summary(self) -> Mapping[str, Any]:
        """``summary.json``; empty before scoring.

        Raises:
            UsageError: It can't be read.
        """
        return load_summary(self.run)
