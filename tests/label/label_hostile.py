"""Text that wants to be more than data, and features that fire in the middle of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from label_planted import a_context

from autointerp.harvest import Context, ContextConfig
from autointerp.label import CUT
from autointerp.run import INVISIBLE

CANARY = "PWNED by the corpus"
"""The label that the corpus asks for."""
HOSTILE: dict[str, str] = {
    entry["name"]: entry["text"] * entry.get("repeat", 1)
    for entry in json.loads((Path(__file__).parent / "hostile_corpus.json").read_text(encoding="ascii"))
}


def a_full_feature(tokens: Sequence[str], peak: int, *, feature: int = 0) -> list[Context]:
    """As many contexts of every stratum as a run has by default, all with the same tokens."""
    found: list[Context] = []
    for split in ("explain", "score"):
        for stratum, n in ContextConfig().counts(split).items():
            for rank in range(n):
                one = a_context(tokens, peak, stratum=stratum, split=split)
                found.append(replace(one, feature=feature, rank=rank, window=len(found)))
    return found


def lines_in_block(user: str) -> list[str]:
    """The lines between the delimiters, once it is sure that there is one pair of those and nothing hidden."""
    head, opening, rest = user.partition("<contexts>\n")
    inside, closing, tail = rest.rpartition("\n</contexts>")
    assert opening
    assert closing
    assert not tail
    assert "<" not in head + inside
    assert not INVISIBLE.search(head.replace("\n", "") + inside.replace("\n", ""))
    lines = inside.split("\n")
    assert lines == inside.splitlines()
    return lines


def is_shown(shown: str, original: str) -> bool:
    """Whether a text is the original, or pieces of it in order where cuts are marked."""
    at = 0
    for piece in [shown] if CUT not in shown else shown.split(CUT):
        at = original.find(piece, at)
        if at < 0:
            return False
        at += len(piece)
    return CUT in shown or shown == original
