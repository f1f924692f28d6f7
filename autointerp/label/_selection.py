"""Which features are labelled: groups, each with its own rate."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from autointerp.errors import UsageError

MIN_ACTIVE = 10
"""Activations a feature needs to be drawn into a random group."""

_GROUP = re.compile(r"(top|bottom|random:)(\d+)")
_HELP = "Groups are topN, bottomN, random:N, ids:1|2|3 and ids:FILE, joined by commas."


@dataclass(frozen=True)
class Selection:
    """Features by group."""

    groups: dict[str, list[int]]
    """Group name, as in the spec (``ids`` for explicit ones), to its features."""
    notes: tuple[str, ...]
    """What the user should know: groups smaller than asked for, near-duplicates left out."""


def select_features(features: pd.DataFrame, spec: str, *, seed: int) -> Selection:
    """Choose features by a line such as ``top25,bottom25,random:200,ids:3|17``.

    ``topN`` and ``bottomN`` go by selectivity rank. ``random:N`` takes, of all live features (at least 10 activations),
    those with the N smallest hashes of seed and id, so a slightly different SAE keeps most of its sample. Of
    near-duplicates only the representative is taken, except among explicit ids.

    Args:
        features: ``features.parquet``.
        spec: The line.
        seed: Of the random group.

    Returns:
        The groups, and notes on what was not as asked.

    Raises:
        UsageError: The line can't be read, names a group twice, or an id that does not exist.
    """
    groups: dict[str, list[int]] = {}
    notes: list[str] = []
    for part in split_groups(spec):
        name, chosen, note = _group(features, part, seed)
        groups[name] = chosen
        notes += note
    return Selection(groups, tuple(notes))


def split_groups(spec: str) -> list[str]:
    """Read the line as far as no feature needs to be known: before hours of work whose features it chooses from.

    Args:
        spec: As for ``select_features``.

    Returns:
        Its groups.

    Raises:
        UsageError: The line can't be read, or names a group twice.
    """
    parts = [piece.strip() for piece in spec.split(",")]
    seen: set[str] = set()
    for part in parts:
        found = _GROUP.fullmatch(part)
        if not part.startswith("ids:") and (not found or int(found[2]) == 0):
            raise UsageError(f"--features: {part!r} is not a group of at least one feature. {_HELP}")
        name = "ids" if part.startswith("ids:") else part
        if name in seen:
            raise UsageError(f"--features {spec!r}: group {name!r} appears twice. {_HELP}")
        seen.add(name)
    return parts


def _group(features: pd.DataFrame, part: str, seed: int) -> tuple[str, list[int], list[str]]:
    if part.startswith("ids:"):
        return "ids", _explicit(features, part.removeprefix("ids:")), []
    found = _GROUP.fullmatch(part)
    assert found is not None  # split_groups looked
    pool, wanted = _pool(features, found[1], seed), int(found[2])
    lone = pool[pool["duplicate_of"].isna()]
    notes = []
    n_doubles = len(pool.head(wanted)) - int(pool.head(wanted)["duplicate_of"].isna().sum())
    if n_doubles:
        notes.append(f"{part}: {n_doubles} near-duplicates left out, their representatives stand for them.")
    if len(lone) < wanted:
        notes.append(f"{part}: only {len(lone)} features qualify; all are taken.")
    return part, [int(feature) for feature in lone["feature"].head(wanted)], notes


def _pool(features: pd.DataFrame, kind: str, seed: int) -> pd.DataFrame:
    """Candidates, best first."""
    if kind == "random:":
        live = features[~features["dead_never"].astype(bool) & (features["n_active"] >= MIN_ACTIVE)]
        return live.iloc[live["feature"].map(_hash(seed)).argsort(kind="stable")]
    ranked = features[features["rank"].notna()]
    return ranked.sort_values("rank", ascending=kind == "top", kind="stable")


def _hash(seed: int) -> Callable[[int], str]:
    return lambda feature: hashlib.sha256(f"{seed}:{int(feature)}".encode()).hexdigest()


def _explicit(features: pd.DataFrame, text: str) -> list[int]:
    path = Path(text)
    numbers = re.fullmatch(r"\d+(\|\d+)*", text)
    if not numbers and not path.is_file():
        raise UsageError(f"--features ids:{text}: neither ids like 3|17 nor a file of ids.")
    words = text.split("|") if numbers else re.split(r"[\s,|]+", path.read_text(encoding="utf-8").strip())
    if not all(word.isdecimal() for word in words):
        bad = next(word for word in words if not word.isdecimal())
        raise UsageError(f"--features ids:{text}: {bad!r} is not a feature id; write one number a line.")
    ids = sorted({int(word) for word in words})
    unknown = sorted(set(ids) - set(features["feature"].tolist()))
    if unknown:
        raise UsageError(
            f"--features ids: the SAE has no feature {unknown[0]} (ids run from {features['feature'].min()} "
            f"to {features['feature'].max()}; {len(unknown)} unknown in all)."
        )
    return ids
