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

_GROUP = re.compile(r"(top|bottom|random:)([0-9]{1,18})")
_ID = re.compile(r"[0-9]{1,18}")
_MAX_SHOWN = 80
"""Characters of an option that a message repeats."""
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
    for name, part in _parts(spec).items():
        if name == "ids":
            groups[name] = _explicit(features, _ids(part))
        else:
            groups[name], note = _group(features, part, seed)
            notes += note
    return Selection(groups, tuple(notes))


def check_selection(spec: str) -> None:
    """Refuse a line that ``select_features`` can't read, before there are features to choose from.

    Raises:
        UsageError: As there, but for ids that do not exist.
    """
    for name, part in _parts(spec).items():
        if name == "ids":
            _ids(part)


def _parts(spec: str) -> dict[str, str]:
    """Group name -> what the line says of it."""
    parts: dict[str, str] = {}
    for part in (piece.strip() for piece in spec.split(",")):
        found = _GROUP.fullmatch(part)
        if not part.startswith("ids:") and (not found or int(found[2]) == 0):
            raise UsageError(f"--features: {part!r} is not a group of at least one feature. {_HELP}")
        name = part if found else "ids"
        if name in parts:
            raise UsageError(f"--features {spec!r}: group {name!r} appears twice. {_HELP}")
        parts[name] = part
    return parts


def _group(features: pd.DataFrame, part: str, seed: int) -> tuple[list[int], list[str]]:
    found = _GROUP.fullmatch(part)
    assert found is not None
    pool, wanted = _pool(features, found[1], seed), int(found[2])
    lone = pool[pool["duplicate_of"].isna()]
    notes = []
    n_doubles = len(pool.head(wanted)) - int(pool.head(wanted)["duplicate_of"].isna().sum())
    if n_doubles:
        notes.append(f"{part}: {n_doubles} near-duplicates left out, their representatives stand for them.")
    if len(lone) < wanted:
        notes.append(f"{part}: only {len(lone)} features qualify; all are taken.")
    return [int(feature) for feature in lone["feature"].head(wanted)], notes


def _pool(features: pd.DataFrame, kind: str, seed: int) -> pd.DataFrame:
    """Candidates, best first."""
    if kind == "random:":
        live = features[~features["dead_never"].astype(bool) & (features["n_active"] >= MIN_ACTIVE)]
        return live.iloc[live["feature"].map(_hash(seed)).argsort(kind="stable")]
    ranked = features[features["rank"].notna()]
    return ranked.sort_values("rank", ascending=kind == "top", kind="stable")


def _hash(seed: int) -> Callable[[int], str]:
    return lambda feature: hashlib.sha256(f"{seed}:{int(feature)}".encode()).hexdigest()


def _ids(part: str) -> list[int]:
    """Ids of ``ids:3|17`` or ``ids:FILE``, ascending, each once."""
    text = part.removeprefix("ids:")
    if re.fullmatch(r"\d+(\|\d+)*", text):
        words = text.split("|")
    else:
        try:
            words = re.split(r"[\s,|]+", Path(text).read_text(encoding="utf-8-sig").strip())
        except (OSError, ValueError) as error:
            raise UsageError(f"--features {part[:_MAX_SHOWN]}: neither ids like 3|17 nor a file of ids.") from error
    bad = next((word for word in words if not _ID.fullmatch(word)), None)
    if bad is not None:
        raise UsageError(
            f"--features {part[:_MAX_SHOWN]}: {bad[:_MAX_SHOWN]!r} is not a feature id; write one number a line."
        )
    return sorted({int(word) for word in words})


def _explicit(features: pd.DataFrame, ids: list[int]) -> list[int]:
    unknown = sorted(set(ids) - set(features["feature"].tolist()))
    if unknown:
        raise UsageError(
            f"--features ids: the SAE has no feature {unknown[0]} (ids run from {features['feature'].min()} "
            f"to {features['feature'].max()}; {len(unknown)} unknown in all)."
        )
    return ids
