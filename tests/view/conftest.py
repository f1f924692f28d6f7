"""The small real run, and its documents."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from autointerp.run import RunDirectory, Silence
from autointerp.view import Machine, Opened, Sections, Site

sys.path.insert(0, str(Path(__file__).parent))

from view_run import make_run


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``sae``, and ``run``: labelled and scored with the rules. To be left as it is."""
    folder = tmp_path_factory.mktemp("view")
    make_run(folder)
    return folder


@pytest.fixture(scope="session")
def documents(made: Path) -> Mapping[str, Any]:
    """Every document of that run, read back."""
    site = _make_site(RunDirectory(made / "run"))
    return {name: json.loads(site.document(name)) for name in site.names}


@pytest.fixture(scope="session")
def features(documents: Mapping[str, Any]) -> Mapping[int, Any]:
    """Every feature's details."""
    shards = [document for name, document in documents.items() if name.startswith("features/")]
    return {int(feature): page for shard in shards for feature, page in shard["features"].items()}


@pytest.fixture
def run(made: Path, documents: Mapping[str, Any], tmp_path: Path) -> RunDirectory:
    """A copy of that run, to be changed, with what its model tells kept in it; its SAE is where the run says."""
    del documents  # made first, and kept in the run
    return RunDirectory(Path(shutil.copytree(made / "run", tmp_path / "run")))


MakeSite = Callable[..., Site]


@pytest.fixture(scope="session")
def make_site() -> MakeSite:
    """``make_site(run, other=None, sae_path=None)``: all documents, with everything computed."""
    return _make_site


def _make_site(run: RunDirectory, other: RunDirectory | None = None, sae_path: Path | None = None) -> Site:
    opened = Opened(run)
    sections = Sections(opened, Machine(opened, sae_path=sae_path), Silence())
    sections.compute()
    return Site(opened, sections, other=None if other is None else Opened(other))
