"""How a group's labels do by strength of activation: recall of each decile, specificity, and the bottom-10 % check."""

from __future__ import annotations

from collections.abc import Sequence

from autointerp.harvest import DECILES
from autointerp.score._rates import Numbers, rate, share
from autointerp.score._row import ScoreRow

Json = dict[str, object]


def recall_by_decile(rows: Sequence[ScoreRow]) -> list[Json]:
    """Share of contexts of each decile that judges found, over all scored features together.

    Args:
        rows: Of one group.

    Returns:
        From the lowest decile to the highest: ``decile``, ``k``, ``n``, ``rate``, ``low``, ``high``.
    """
    hits = [row.decile_hits for row in rows if row.decile_hits is not None]
    judged = [row.decile_n for row in rows if row.decile_n is not None]
    return [
        {"decile": name, **share(sum(one[i] for one in hits), sum(one[i] for one in judged))}
        for i, name in enumerate(DECILES)
    ]


def recall_below_10pct(rows: Sequence[ScoreRow]) -> Numbers:
    """Share of contexts below 10 % of their feature's maximum that judges found: the other "bottom 10 %"."""
    scored = [row for row in rows if row.below10_hits is not None]
    return share(sum(row.below10_hits or 0 for row in scored), sum(row.below10_n for row in scored))


def specificity(rows: Sequence[ScoreRow]) -> dict[str, Numbers]:
    """Share of silent contexts that judges left alone: from ``random`` places, and ``hard`` ones, which look alike."""
    judged = [row for row in rows if row.scored]
    random, hard = (sum(row.random_n or 0 for row in judged), sum(row.hard_n or 0 for row in judged))
    return {
        "random": share(random - sum(row.random_alarms or 0 for row in judged), random),
        "hard": share(hard - sum(row.hard_alarms or 0 for row in judged), hard),
    }


def below_10pct_check(rows: Sequence[ScoreRow], *, level: float) -> Json:
    """Share of features whose activations below 10 % of the maximum are told from hard negatives.

    Args:
        rows: Of one group.
        level: Of the one-sided Fisher test.
    """
    p_values = [row.below10_p_value for row in rows if row.below10_p_value is not None]
    found = rate([p < level for p in p_values])
    return {"pass_rate": found["rate"], **{name: found[name] for name in ("k", "n", "low", "high")}}


def effect_of_the_check(rows: Sequence[ScoreRow]) -> Json:
    """What asking for the bottom 10 %, too, does to the rate, over the features that have both verdicts.

    Returns:
        ``verified`` and ``robust`` as rates over the same features, and ``lost``: the share of the verified that are
        not robust.
    """
    both = [row for row in rows if row.verified is not None and row.robust is not None]
    n_verified, n_robust = sum(bool(row.verified) for row in both), sum(bool(row.robust) for row in both)
    return {
        "verified": share(n_verified, len(both)),
        "robust": share(n_robust, len(both)),
        "lost": share(n_verified - n_robust, n_verified),
    }
