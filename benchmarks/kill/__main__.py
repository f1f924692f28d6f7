"""Labelling runs of 300 features, killed with SIGKILL a thousand times.

    python -m benchmarks.kill [--kills 1000] [--seed 0]

Each life of a run is killed once a loopback server has received a random number of its requests (1 to 25) and a random
time (0 to 50 ms) has gone by; at most 8 requests are in flight, a reply takes 5 to 50 ms. The next life resumes. After
every kill the journal is examined from outside; every run is brought to its end, and its labels.csv compared with that
of a run that nothing happened to. A tenth of the replies is invalid, cut off or refused, so that there are re-asks.

It is the process that dies, not the machine: what a power cut does to the disk is not tested here. Writes
results/kill.json, and exits 1 when something was lost, or paid for twice.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import argparse
import sys
import tempfile
import time
from pathlib import Path

from benchmarks._results import write_result
from benchmarks.kill._campaign import N_FEATURES, Tally, kill_runs
from benchmarks.kill._lives import N_AT_ONCE
from benchmarks.kill._witness import total


def figures(tally: Tally, *, seed: int, seconds: float) -> dict[str, object]:
    """The table."""
    kills = tally.kills
    return {
        "n_features": N_FEATURES,
        "max_concurrency": N_AT_ONCE,
        "seed": seed,
        "kills": len(kills),
        "kills_in_flight_share": round(tally.in_flight_share, 4),
        "runs": tally.n_runs,
        "runs_byte_equal": tally.n_equal,
        "rows_lost": total(kills, "n_lost"),
        "replies_lost_after_they_were_told": total(kills, "n_forgotten"),
        "journals_damaged": total(kills, "n_damaged"),
        "labels_csv_torn": total(kills, "n_torn"),
        "requests": tally.n_requests,
        "sent_again_with_a_row": total(kills, "n_repeated"),
        "paid_twice_in_flight": total(kills, "n_unwritten"),
        "paid_twice_in_flight_most_per_kill": max(kill.n_unwritten for kill in kills),
        "paid_twice_otherwise": tally.n_paid_twice,
        "rows_twice_or_missing": tally.n_rows_twice,
        "seconds": round(seconds, 1),
        "load_average": round(os.getloadavg()[0], 1),
    }


def main() -> None:
    """Kill, and show what came of it."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.kill", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        tally = kill_runs(
            Path(folder), n_kills=options.kills, seed=options.seed, say=lambda words: print(words, flush=True)
        )
    table = figures(tally, seed=options.seed, seconds=time.perf_counter() - started)
    for name, value in table.items():
        print(f"{name:>36}  {value}")
    print(write_result("kill", table))
    sys.exit(0 if tally.is_clean else 1)


if __name__ == "__main__":
    main()
