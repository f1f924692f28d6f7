"""The command line called in-process, and one small finished run to look at."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from autointerp.cli import main


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


Command = Callable[..., Ended]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Command:
    """``command("label", "--sae", path)``: exit code, stdout and stderr."""

    def run(*arguments: object) -> Ended:
        monkeypatch.setattr(sys, "argv", ["autointerp", *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capfd.readouterr()
        return Ended(int(ended.value.code or 0), captured.out, captured.err)

    return run


@pytest.fixture(scope="session")
def small_sae(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A quickly trained SAE on the bundled model."""
    import autointerp
    from autointerp.train import TrainingConfig

    folder = tmp_path_factory.mktemp("small") / "sae"
    config = TrainingConfig(
        hook_point="blocks.1.hook_resid_post",
        n_tokens=60_000,
        n_train=120_000,
        expansion=2,
        l1_coefficient=3.0,
        batch_size=512,
    )
    autointerp.train(config, folder)
    return folder


@pytest.fixture(scope="session")
def small_run(small_sae: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That SAE, labelled and scored with the rules."""
    import autointerp

    run = tmp_path_factory.mktemp("small") / "run"
    autointerp.label(small_sae, run, features="top5,bottom5,random:20", n_tokens=60_000)
    autointerp.score(run)
    return run
