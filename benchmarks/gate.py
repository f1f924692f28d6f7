"""How often gates cry wolf, and how often they see a real drop: ours, and the two naive ones that rivals use.

    python benchmarks/gate.py

A baseline and a run answer yes or no for the same features. Under A/A the rate is the same and only discordant pairs
(the judge changed its mind, the feature changed) move it; a drop adds more losses than gains. Each pair is drawn
independently: lost with probability (discordance + drop) / 2, gained with (discordance - drop) / 2. Three gates judge
the same draws: this project's (margin 5 points, exact McNemar and the paired bootstrap), a fixed threshold (fails when
the rate fell by more than 5 points, as a rate in a test's assertion does), and an unpaired z-test of two proportions
at 5 % (as lm-evaluation-harness compares runs).
"""

from __future__ import annotations

import argparse
import math
from functools import cache

import numpy as np
from _results import write_result
from scipy.stats import norm

from autointerp.gate._change import paired_change
from autointerp.stats import wilson

MARGIN, CONFIDENCE = 0.05, 0.95


def ours(k_old: int, lost: int, gained: int, n: int) -> bool:
    """This project's verdict on paired answers."""
    return _change(lost, gained, n, k_old)


@cache
def _change(lost: int, gained: int, n: int, k_old: int) -> bool:
    kept = k_old - lost
    old = [True] * k_old + [False] * (n - k_old)
    new = [True] * kept + [False] * lost + [True] * gained + [False] * (n - k_old - gained)
    return paired_change(old, new, CONFIDENCE).is_drop(MARGIN)


def threshold(k_old: int, lost: int, gained: int, n: int) -> bool:
    """Fails when the rate fell by more than the margin."""
    del k_old
    return (gained - lost) / n < -MARGIN


def unpaired_z(k_old: int, lost: int, gained: int, n: int) -> bool:
    """Fails when a pooled two-proportion z-test, one-sided at 5 %, calls it a drop."""
    k_new = k_old - lost + gained
    pooled = (k_old + k_new) / (2 * n)
    spread = math.sqrt(2 * pooled * (1 - pooled) / n)
    return spread > 0 and (k_new - k_old) / n / spread < norm.ppf(1 - CONFIDENCE)


GATES = {"autointerp": ours, "fixed threshold": threshold, "unpaired z": unpaired_z}


def simulate(n: int, rate: float, discordance: float, drop: float, *, n_runs: int, seed: int) -> dict[str, object]:
    """How often each gate fails."""
    random = np.random.default_rng(seed)
    k_old = round(rate * n)
    # of the baseline's yeses some get lost, of its noes some are gained; together the discordance and the drop
    lost = random.binomial(k_old, (discordance + drop) / 2 / rate, n_runs)
    gained = random.binomial(n - k_old, (discordance - drop) / 2 / (1 - rate), n_runs)
    row: dict[str, object] = {"n": n, "rate": rate, "discordance": discordance, "drop": drop}
    for name, gate in GATES.items():
        failed = sum(gate(k_old, int(a), int(b), n) for a, b in zip(lost, gained, strict=True))
        interval = wilson(failed, n_runs)
        row[name] = {"fails": failed / n_runs, "low": interval.low, "high": interval.high}
    return row


def main() -> None:
    """Simulate, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=4000, help="simulated pairs of runs a row")
    options = parser.parse_args()
    rows = [
        simulate(n, rate, discordance, drop, n_runs=options.runs, seed=17)
        for drop in (0.0, 0.1)
        for n in (100, 200, 500)
        for rate in (0.5, 0.8)
        for discordance in (0.1, 0.2, 0.3)
    ]
    print(f"{'':>5}{'rate':>6}{'discord.':>9}{'drop':>6}" + "".join(f"{name:>18}" for name in GATES))
    for row in rows:
        shares = "".join(f"{row[name]['fails']:>18.1%}" for name in GATES)  # type: ignore[index]
        print(f"{row['n']:>5}{row['rate']:>6}{row['discordance']:>9}{row['drop']:>6}{shares}")
    worst = {name: max(row[name]["fails"] for row in rows if not row["drop"]) for name in GATES}  # type: ignore[index]
    at_200 = [row for row in rows if row["drop"] and row["n"] == 200]
    power = {name: min(row[name]["fails"] for row in at_200) for name in GATES}  # type: ignore[index]
    for name in GATES:
        print(f"{name}: at most {worst[name]:.1%} false alarms; at least {power[name]:.1%} power at 200 features")
    print(write_result("gate", {"margin": MARGIN, "runs": options.runs, "rows": rows, "false_alarms": worst,
                                "power_at_200": power}))  # fmt: skip


if __name__ == "__main__":
    main()
