"""Many kills, over as many runs as they take."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Self

from autointerp.run import RunDirectory
from benchmarks.kill._lives import N_AT_ONCE
from benchmarks.kill._prepare import prepare
from benchmarks.kill._server import Server
from benchmarks.kill._witness import Kill, Witness, total

ROOT = Path(__file__).parents[2]
N_FEATURES = 300
MOST_REQUESTS, LONGEST_S = 25, 0.05
"""A life is killed once it has sent 1 to so many requests, and 0 to so many seconds have gone by."""
EARLY_SHARE, EARLY_S = 0.03, 0.2
"""Of lives that are killed 0 to so many seconds after their beginning, asked or not."""
PRICES = '["openai:m"]\nas_of = 2026-11-01\ninput = 1.0\noutput = 4.0\n'


@dataclass(frozen=True)
class Tally:
    """What came of it."""

    kills: list[Kill]
    n_runs: int
    n_equal: int
    """Runs whose ``labels.csv`` is, byte for byte, that of the run that nothing happened to."""
    n_requests: int
    """That the server received in the runs that were killed."""
    n_paid_twice: int
    """Payments beyond one a request, and one more for each kill that it was in flight at."""
    n_rows_twice: int
    """Requests whose number of rows, in the end, is not one."""

    @property
    def in_flight_share(self) -> float:
        """Kills at which the server owed a reply."""
        return sum(kill.n_owed > 0 for kill in self.kills) / len(self.kills)

    @property
    def is_clean(self) -> bool:
        """Whether nothing was lost, and nothing paid for twice but what was in flight."""
        faults = ("n_lost", "n_forgotten", "n_repeated", "n_damaged", "n_torn")
        return (
            not any(total(self.kills, fault) for fault in faults)
            and not self.n_paid_twice
            and not self.n_rows_twice
            and self.n_equal == self.n_runs
            and all(kill.n_unwritten <= N_AT_ONCE for kill in self.kills)
        )


def kill_runs(folder: Path, *, n_kills: int, seed: int = 0, say: Callable[[str], None] | None = None) -> Tally:
    """Label 300 features again and again, each run killed until it is done, or until there were enough kills.

    Args:
        folder: For the run directories.
        n_kills: So many in all.
        seed: Of when they come.
        say: Told how far it is.
    """
    chance, kills, runs = random.Random(seed), list[Kill](), list[Witness]()
    prepared = prepare(folder / "prepared", n_features=N_FEATURES)
    with Server(seed=seed) as server, _Lives(folder, server.url) as lives:
        whole = _undisturbed(_copy(prepared, folder / "undisturbed"), server, lives)
        while len(kills) < n_kills:
            witness = Witness(_copy(prepared, folder / f"run-{len(runs)}"), server, whole=whole)
            _kill_until_done(witness, lives, chance, n_kills=n_kills - len(kills))
            runs.append(witness)
            kills += witness.kills
            if say is not None:
                say(f"{len(kills)} of {n_kills} kills, {len(runs)} runs")
    return Tally(
        kills,
        n_runs=len(runs),
        n_equal=sum(witness.is_equal for witness in runs),
        n_requests=sum(witness.n_requests for witness in runs),
        n_paid_twice=sum(witness.n_paid_twice for witness in runs),
        n_rows_twice=sum(witness.n_rows_twice for witness in runs),
    )


def _undisturbed(run: RunDirectory, server: Server, lives: _Lives) -> bytes:
    lives.begin(run)
    if lives.end() != (0, N_FEATURES):
        raise RuntimeError(f"{run.path}: could not be labelled; see stderr")
    server.end_life()
    return run.labels_csv.read_bytes()


def _kill_until_done(witness: Witness, lives: _Lives, chance: random.Random, *, n_kills: int) -> None:
    """Live, and die, until the run is done; after the last kill it is left in peace."""
    code = -signal.SIGKILL
    while code == -signal.SIGKILL:
        pid = lives.begin(witness.run)
        n_missing = N_FEATURES - witness.n_final
        if n_missing and len(witness.kills) < n_kills:
            is_early = chance.random() < EARLY_SHARE
            n_requests = 0 if is_early else min(chance.randint(1, MOST_REQUESTS), n_missing)
            delay_s = chance.uniform(0, EARLY_S if is_early else LONGEST_S)
            witness.kill_after(n_requests, delay_s, partial(os.kill, pid, signal.SIGKILL))
        code, n_told = lives.end()
        witness.life_ended(was_killed=code == -signal.SIGKILL, n_told=n_told)
    if code:
        raise RuntimeError(f"{witness.run.path}: a life failed; see stderr")


class _Lives:
    """The process that forks lives (``_lives.py``)."""

    def __init__(self, folder: Path, url: str) -> None:
        self._prices, self._told = folder / "prices.toml", folder / "told"
        self._prices.write_text(PRICES, encoding="utf-8")
        os.mkfifo(self._told)
        environment = os.environ | {
            "OPENAI_API_KEY": "none-needed",
            "OMP_NUM_THREADS": "1",
            "JE_ARROW_MALLOC_CONF": "background_thread:false",  # a process with one thread may fork
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.kill._lives", url],
            cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self._read()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._process.kill()
        self._process.communicate()

    def begin(self, run: RunDirectory) -> int:
        """Begin a life.

        Returns:
            Its pid, which is its own until ``end``.
        """
        order = {"run": str(run.path.resolve()), "prices": str(self._prices), "told": str(self._told)}
        self._write(json.dumps(order))
        self._pipe = self._told.open()
        return self._read()

    def end(self) -> tuple[int, int]:
        """Wait for the end of the life.

        Returns:
            Its exit code (negative: the signal's number), and the replies it last said are there.
        """
        with self._pipe as pipe:  # ends when the life does
            n_told = max((int(line) for line in pipe), default=0)
        self._write("bury")
        return self._read(), n_told

    def _write(self, line: str) -> None:
        stdin = self._process.stdin
        assert stdin is not None
        stdin.write(line + "\n")
        stdin.flush()

    def _read(self) -> int:
        stdout: IO[str] | None = self._process.stdout
        assert stdout is not None
        line = stdout.readline()
        if not line:
            raise RuntimeError("the process that forks lives has ended; see stderr")
        return int(line)


def _copy(prepared: RunDirectory, folder: Path) -> RunDirectory:
    shutil.copytree(prepared.path, folder)
    return RunDirectory(folder)
