"""When two rates may be held against each other at all."""

from __future__ import annotations

from autointerp.errors import NotComparableError
from autointerp.gate._baseline import Baseline, BaselineLLM


def check_comparable(old: Baseline, new: Baseline) -> None:
    """Refuse a comparison that would measure a change of the instrument.

    Args:
        old: The baseline.
        new: The run, as a baseline.

    Raises:
        NotComparableError: Subject model, hook point, labeler, judge or a prompt differ; names both values.
    """
    sides = [
        ("subject model", old.model.fingerprint, new.model.fingerprint),
        ("hook point", old.hook_point, new.hook_point),
        *_llm("labeler", old.labeler, new.labeler),
        *_llm("judge", old.judge, new.judge),
    ]
    for what, before, now in sides:
        if before != now:
            raise NotComparableError(
                f"not comparable: the {what} was {before} in the baseline and is {now} in the run. "
                "Run with the baseline's, or make a new baseline with 'autointerp baseline RUN'."
            )


def choose_group(old: Baseline, new: Baseline, group: str | None) -> str:
    """The group to compare: the one asked for, else the baseline's first random one.

    Raises:
        NotComparableError: It is not on both sides; lists what is.
    """
    there = f"the baseline has {_names(old)}; the run has {_names(new)}"
    chosen = group or next((name for name in old.groups if name.startswith("random:")), None)
    if chosen is None:
        raise NotComparableError(f"not comparable: the baseline has no random group; name one with --group ({there}).")
    if chosen not in old.groups or chosen not in new.groups:
        raise NotComparableError(f"not comparable: group {chosen} is not on both sides ({there}).")
    return chosen


def _llm(what: str, old: BaselineLLM | None, new: BaselineLLM | None) -> list[tuple[str, str, str]]:
    if old is None or new is None:
        return [(what, "none" if old is None else old.provider, "none" if new is None else new.provider)]
    return [(what, old.provider, new.provider), (f"{what}'s prompt", old.prompt, new.prompt)]


def _names(side: Baseline) -> str:
    return ", ".join(side.groups) or "no group"
