"""What a suite found: numbers, tables and pictures, each with a sentence on how to read it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pandas as pd

from autointerp.evaluate._estimates import Estimate

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Number:
    """One figure of merit."""

    name: str
    """Snake case, units included."""
    estimate: Estimate
    reading: str
    """What it is, in one sentence."""


@dataclass(frozen=True)
class Table:
    """Rows, written as Parquet and CSV."""

    frame: pd.DataFrame
    reading: str
    """How to read it, in one or two sentences."""


@dataclass(frozen=True)
class Picture:
    """A figure, written as SVG and PNG."""

    figure: Figure
    """Made with ``new_figure``, so that it has the report's look."""
    title: str
    reading: str
    """How to read it, and what it shows here, in one or two sentences; stands in for the picture where it can't be
    seen."""


@dataclass
class Findings:
    """All that a suite found."""

    numbers: list[Number] = field(default_factory=list)
    tables: dict[str, Table] = field(default_factory=dict)
    """By file name without ending."""
    pictures: dict[str, Picture] = field(default_factory=dict)
    """By file name without ending."""
    notes: list[str] = field(default_factory=list)
    """What was left out and why, as sentences."""

    def number(self, name: str, estimate: Estimate, reading: str) -> None:
        """Add a number."""
        self.numbers.append(Number(name, estimate, reading))
