"""The real server, the endpoints that the contract holds for, and a harvested run to label."""

from __future__ import annotations

import json
import os
import random
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "llm"))
sys.path.insert(0, str(Path(__file__).parent))

from build_server import server_path
from llm_scripted_server import ScriptedServer
from real_contract import Endpoint, lifelike
from real_gguf import write_tiny_model
from real_server import KEY, LlamaServer

from autointerp.cli import main

Command = Callable[..., tuple[int, str]]

D_MODEL = 192  # of the bundled model
N_FEATURES = 24
WORDS = ("def", "class", "import", "return", "self", "value", "for", "in", "if", "else", "name", "print", "error")


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "tiny.gguf"
    write_tiny_model(path)
    return path


@pytest.fixture
def llama(tiny_model: Path, tmp_path: Path) -> Iterator[LlamaServer]:
    """A running server."""
    binary = Path(os.environ.get("AUTOINTERP_LLAMA_SERVER") or server_path())
    if not binary.is_file():
        pytest.skip(f"{binary} is not there: 'make real-server' builds it, once, in some minutes")
    with LlamaServer(binary, tiny_model, tmp_path / "server.log") as server:
        yield server


@pytest.fixture(params=["scripted", pytest.param("real", marks=pytest.mark.real)])
def endpoint(request: pytest.FixtureRequest) -> Iterator[Endpoint]:
    """Either server, behind the same few properties."""
    if request.param == "real":
        server = request.getfixturevalue("llama")
        yield Endpoint(server.root, server.kill)
        return
    scripted = ScriptedServer()
    scripted.otherwise = lifelike
    yield Endpoint(scripted.root, scripted.close)
    scripted.close()


@pytest.fixture(autouse=True)
def _key(_no_keys: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key that both servers want."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)


@pytest.fixture(scope="session")
def harvested(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a random SAE on the bundled model, ``sae``, and a run of it that waits for labels, ``run``."""
    import autointerp
    import sae

    folder = tmp_path_factory.mktemp("harvested")
    choose = random.Random(0)
    documents = [" ".join(choose.choices(WORDS, k=120)) for _ in range(120)]
    text = folder / "text.jsonl"
    text.write_text("".join(json.dumps({"text": document}) + "\n" for document in documents))
    weights = np.random.default_rng(0).normal(0, D_MODEL**-0.5, (D_MODEL, 2 * D_MODEL)).astype(np.float32)
    metadata = sae.SAEMetadata(model_name="bundled", hook_name="blocks.1.hook_resid_post", prepend_bos=True)
    model = sae.SAE(
        sae.SAEConfig("standard", D_MODEL, 2 * D_MODEL, metadata=metadata),
        W_enc=torch.from_numpy(weights),
        b_enc=torch.full((2 * D_MODEL,), -40.0),
        W_dec=torch.from_numpy(weights.T.copy()),
        b_dec=torch.zeros(D_MODEL),
    )
    sae.save(model, folder / "sae")
    autointerp.label(
        folder / "sae",
        folder / "run",
        llm="openai:tiny",
        features=f"random:{N_FEATURES}",
        corpus=str(text),
        n_tokens=5_000,
        dry_run=True,
    )
    return folder


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Command:
    """``command("score", run)``: the exit code, and what was told on stderr."""

    def run(*arguments: object) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["autointerp", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0), capfd.readouterr().err

    return run


@pytest.fixture
def run_to_label(harvested: Path, tmp_path: Path) -> tuple[str | Path, ...]:
    """Options of ``label``: the SAE, and a copy of the run that no other test has touched."""
    run = shutil.copytree(harvested / "run", tmp_path / "run")
    return "--sae", harvested / "sae", "--out", run
