"""Two verdicts on the same features: the label rate that studies quote, and the rates that held-out text gives.

    python -m benchmarks.label_rate_vs_truth                   # hours of one core at most; a stopped one goes on
    python -m benchmarks.label_rate_vs_truth --points small    # minutes; writes into its work folder alone

SAEs of several widths and sparsities on two models, and every null of each, go through the project's own pipeline:
``label``, then ``score --nulls all``. The labels are the rules' and, on the same features, those of a labeler that
always answers (``_always``). The second model and its text come from outside (``--shared``); without them the bundled
one is alone. Writes results/label_rate_vs_truth.json, and tables and figure to results/label_rate_vs_truth/.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import argparse
import time
from pathlib import Path

import pandas as pd

from benchmarks._results import RESULTS, write_result
from benchmarks.label_rate_vs_truth._plan import Plan, plan

NAME = "label_rate_vs_truth"
WORK = Path("runs") / NAME


def main() -> None:
    """Run all of it."""
    parser = argparse.ArgumentParser(
        prog=f"python -m benchmarks.{NAME}", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--points", choices=("all", "small"), default="all")
    parser.add_argument("--work", type=Path, default=WORK, help="runs are kept there, and not made again")
    parser.add_argument("--shared", type=Path, default=Path("../shared"), help="folder of stories260K and its text")
    options = parser.parse_args()
    chosen = plan(options.points, options.shared)
    folder = options.work / chosen.name
    points = _points(chosen, folder)
    if chosen.name == "all":
        print(write_result(NAME, _write(points, chosen, RESULTS / NAME)))
    else:
        _write(points, chosen, folder)
        print(folder)


def _points(chosen: Plan, folder: Path) -> pd.DataFrame:
    from benchmarks.label_rate_vs_truth._make import make
    from benchmarks.label_rate_vs_truth._points import collect

    found = []
    for site in chosen.sites:
        if site.missing:
            print(f"{site.name}: left out, {site.missing[0]} is not there (--shared names the folder)", flush=True)
            continue
        started = time.monotonic()
        found.append(collect(site.name, make(chosen, site, folder)))
        print(f"{site.name}: {time.monotonic() - started:.0f} s", flush=True)
    return pd.concat(found, ignore_index=True)


def _write(points: pd.DataFrame, chosen: Plan, folder: Path) -> dict[str, object]:
    """Write points, tables and figure; the figures for the JSON file."""
    from benchmarks.label_rate_vs_truth._figure import draw, save
    from benchmarks.label_rate_vs_truth._findings import findings
    from benchmarks.label_rate_vs_truth._tables import all_tables, short_table

    folder.mkdir(parents=True, exist_ok=True)
    found = findings(points)
    points.to_csv(folder / "points.csv", index=False, lineterminator="\n")
    (folder / "tables.md").write_text(all_tables(found, points), encoding="utf-8")
    (folder / "short.md").write_text(short_table(found) + "\n", encoding="utf-8")
    save(draw(points), folder)
    print(short_table(found))
    sizes = {name: getattr(chosen, name) for name in ("n_train", "n_tokens", "n_random", "n_ends")}
    return {**sizes, **found}


if __name__ == "__main__":
    main()
