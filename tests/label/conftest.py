"""A run directory with planted features; their maker is imported by name from ``label_planted``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "llm"))

from llm_fixtures import keyed_server

from autointerp.harvest import Context
from autointerp.run import RunDirectory

__all__ = ["keyed_server"]


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., RunDirectory]:
    def make(contexts: dict[int, list[Context]], groups: dict[str, Sequence[int]] | None = None) -> RunDirectory:
        run = RunDirectory(tmp_path / "run")
        pq.write_table(
            pa.Table.from_pylist([asdict(one) for feature in contexts for one in contexts[feature]]),
            _made(run.contexts),
        )
        chosen = {name: list(ids) for name, ids in (groups or {"ids": sorted(contexts)}).items()}
        run.update(lambda manifest: manifest.config.update(groups=chosen))
        return run

    return make


def _made(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
