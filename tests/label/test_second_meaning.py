"""What a rule misses is a second meaning when it has something in common, and noise when it has not."""

from __future__ import annotations

import itertools
from dataclasses import replace

from label_planted import a_context

from autointerp.harvest import Context
from autointerp.label import POLYSEMANTIC, describe, label_by_rules
from autointerp.label._rules import search, second_meaning

NUMBERS = itertools.count()
FIRST = [a_context([f" l{i}", " =", f" r{i}"], 1) for i in range(30)]
SILENT = [
    a_context([f" x{i}", f" y{i}", f" z{i}"], 1, stratum=f"negative_{kind}")
    for i in range(10)
    for kind in ("random", "hard")
]


def faint(context: Context, strength: float) -> Context:
    return replace(context, activations=(0.0, strength, 0.0))


def on(token: str, n: int, *, strength: float = 4.0) -> list[Context]:
    return [faint(a_context([f" p{next(NUMBERS)}", token, f" q{next(NUMBERS)}"], 1), strength) for _ in range(n)]


def second(others: list[Context], silent: list[Context] = SILENT) -> str | None:
    positives = [*FIRST, *others]
    fit = search(positives, silent)
    assert fit is not None
    assert describe(fit.rule) == "token ' ='"
    found = second_meaning(fit, positives, silent)
    return describe(found.rule) if found else None


def test_missed_peaks_that_share_a_token_are_a_second_meaning() -> None:
    assert second(on(" Paris", 3)) == "token ' Paris'"
    row = label_by_rules(1, [*FIRST, *on(" Paris", 3), *SILENT])
    assert (row.label, row.rule) == (POLYSEMANTIC, None)
    assert "token ' =': holds at 30 of 33 peaks" in row.reasoning
    assert "token ' Paris' at 3 of the 3 others" in row.reasoning


def test_missed_peaks_that_share_nothing_are_noise() -> None:
    others = [*on(" Paris", 1), *on(" stone", 1), *on(" apple", 1)]
    assert second(others) is None
    assert label_by_rules(1, [*FIRST, *others, *SILENT]).label == "token ' ='"


def test_what_they_share_must_be_rarer_elsewhere() -> None:
    everywhere = [replace(one, tokens=(" Paris", " Paris", f" z{i}")) for i, one in enumerate(SILENT)]
    assert second(on(" Paris", 3), everywhere) is None


def test_one_missed_peak_is_no_meaning() -> None:
    assert second(on(" Paris", 1)) is None


def test_a_faint_second_meaning_is_left_to_the_bottom_check() -> None:
    assert second(on(" Paris", 3, strength=0.2)) is None


def test_variants_of_the_first_meaning_are_no_second_one() -> None:
    assert second(on("=x", 3)) is None
    assert second(on("+x", 3)) == "token '+x'"
