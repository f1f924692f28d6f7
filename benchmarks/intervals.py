"""Do the 95 % intervals cover the truth 95 % of the time?

    python benchmarks/intervals.py

Wilson's, Newcombe's and the balanced accuracy's intervals are checked exactly: over all outcomes, weighted with their
binomial probabilities. The paired bootstrap, and the interval that the gate makes of it, are checked by simulation.
The average over rates and sizes should lie between 94 % and 96 %; single points can't all, because counts are whole
numbers, so the lowest is reported too.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial

import numpy as np
from _results import write_result
from numpy.typing import NDArray
from scipy.stats import binom

from autointerp.gate._change import paired_change
from autointerp.stats import Interval, balanced_accuracy_interval, newcombe_difference, paired_bootstrap, wilson

Array = NDArray[np.float64]
RATES = np.arange(0.05, 0.96, 0.05)
SIZES = (20, 50, 100, 200, 500)
PAIRED_SIZES = (50, 100, 200)
N_RUNS = 1000


def exact_one(n: int) -> list[float]:
    """Coverage of Wilson's interval at every rate."""
    k = np.arange(n + 1)
    low, high = np.array([wilson(int(i), n) for i in k]).T
    return [float(binom.pmf(k, n, p)[(low <= p) & (p <= high)].sum()) for p in RATES]


def exact_two(
    n1: int, n2: int, interval: Callable[[int, int], Interval], truth: Callable[[float, float], float]
) -> list[float]:
    """Coverage of an interval over two counts at every pair of rates."""
    bounds = np.array([[interval(i, j) for j in range(n2 + 1)] for i in range(n1 + 1)])  # [n1 + 1, n2 + 1, 2]
    found = []
    for p1 in RATES:
        for p2 in RATES:
            value = truth(p1, p2)
            inside = (bounds[..., 0] <= value + 1e-12) & (value - 1e-12 <= bounds[..., 1])
            weight = np.outer(binom.pmf(np.arange(n1 + 1), n1, p1), binom.pmf(np.arange(n2 + 1), n2, p2))
            found.append(float(weight[inside].sum()))
    return found


def _newcombe(n1: int, n2: int, i: int, j: int) -> Interval:
    return newcombe_difference(i, n1, j, n2)


def _accuracy(n1: int, n2: int, i: int, j: int) -> Interval:
    return balanced_accuracy_interval(i, n1 - i, j, n2 - j)


@cache
def bootstrap(lost: int, gained: int, n: int) -> Interval:
    """The percentile interval of paired answers."""
    return paired_bootstrap([-1] * lost + [1] * gained + [0] * (n - lost - gained))


@cache
def gate(lost: int, gained: int, n: int) -> Interval:
    """The interval that the gate reports."""
    old = [True] * lost + [False] * (n - lost)
    new = [False] * lost + [True] * gained + [False] * (n - lost - gained)
    change = paired_change(old, new, 0.95)
    return Interval(change.low, change.high)


def simulated(n: int, interval: Callable[[int, int, int], Interval]) -> list[float]:
    """Coverage over discordances and drops, from draws."""
    random, found = np.random.default_rng(3), []
    for discordance in (0.1, 0.2, 0.3):
        for drop in (0.0, 0.05, 0.1):
            share = [(discordance + drop) / 2, (discordance - drop) / 2, 1 - discordance]
            draws = random.multinomial(n, share, N_RUNS)[:, :2]
            bounds = np.array([interval(int(lost), int(gained), n) for lost, gained in draws])
            found.append(float(np.mean((bounds[:, 0] <= -drop + 1e-12) & (-drop - 1e-12 <= bounds[:, 1]))))
    return found


def main() -> None:
    """Compute, print, write."""
    pairs = [(20, 20), (50, 50), (100, 50), (100, 100)]
    covered = {
        "wilson": [c for n in SIZES for c in exact_one(n)],
        "newcombe_difference": [
            c for n1, n2 in pairs for c in exact_two(n1, n2, partial(_newcombe, n1, n2), lambda p, q: p - q)
        ],
        "balanced_accuracy_interval": [
            c for n1, n2 in pairs for c in exact_two(n1, n2, partial(_accuracy, n1, n2), lambda p, q: (p + q) / 2)
        ],
        "paired_bootstrap": [c for n in PAIRED_SIZES for c in simulated(n, bootstrap)],
        "gate": [c for n in PAIRED_SIZES for c in simulated(n, gate)],
    }
    rows = [
        {"interval": name, "points": len(found), "mean": float(np.mean(found)), "min": min(found), "max": max(found)}
        for name, found in covered.items()
    ]
    for row in rows:
        print(f"{row['interval']:<28}{row['points']:>6} points: mean {row['mean']:.1%}, lowest {row['min']:.1%}")
    settings = {"rates": [0.05, 0.95, 0.05], "sizes": SIZES, "pairs": pairs, "paired_sizes": PAIRED_SIZES}
    print(write_result("intervals", {**settings, "simulated_runs": N_RUNS, "rows": rows}))


if __name__ == "__main__":
    main()
