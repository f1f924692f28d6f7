"""What features that mean nothing reach in the same pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from autointerp.report._tokens import visible_text


@dataclass(frozen=True)
class NullView:
    """One null, over all its features."""

    name: str
    replaces: str
    """What is not real in it."""
    n: int
    """Features."""
    rates: tuple[tuple[str, Mapping[str, Any] | None], ...]
    """``label``, ``verified`` and ``robust``; None where a null has no such rate."""
    detection: float | None
    """Mean balanced accuracy."""


def null_views(summary: Mapping[str, Any]) -> list[NullView]:
    """Every null of the summary, the shuffled labels first, and the control last."""
    return [
        NullView(
            name="shuffled labels" if name == "shuffled" else visible_text(name.replace("_", " ")),
            replaces=visible_text(found.get("replaces", "every label exchanged for another feature's")),
            n=found["n"] if "n" in found else found["verified"]["n"],
            rates=tuple((rate, found.get("rates", found).get(rate)) for rate in ("label", "verified", "robust")),
            detection=found["detection"]["mean"],
        )
        for name, found in summary.get("nulls", {}).items()
        if "detection" in found
    ]
