"""A run's inputs against each other, and against what is left of the run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

import autointerp
import sae
from autointerp.errors import MismatchError, UsageError
from autointerp.harvest import write_contexts
from autointerp.run import RunDirectory
from autointerp.verbs._inputs import Options, _complete, claim

D_IN, D_SAE = 192, 64


def a_config(**metadata: object) -> sae.SAEConfig:
    known = {"model_name": "bundled", "hook_name": "blocks.1.hook_resid_post", "dataset_path": "python"}
    return sae.SAEConfig(
        architecture="standard", d_in=D_IN, d_sae=D_SAE, metadata=sae.SAEMetadata(**(known | metadata))
    )


def an_sae(folder: Path, **metadata: object) -> Path:
    """Random directions."""
    W_enc = torch.randn(D_IN, D_SAE, generator=torch.Generator().manual_seed(0))
    tensors = {"W_enc": W_enc, "b_enc": torch.zeros(D_SAE), "W_dec": W_enc.T.clone(), "b_dec": torch.zeros(D_IN)}
    sae.save(sae.build(a_config(**metadata), tensors), folder)
    return folder


@pytest.fixture
def text(tmp_path: Path) -> Path:
    """Python's own source, as documents."""
    file = tmp_path / "text.txt"
    sources = sorted(Path(json.__file__).parent.glob("*.py")) + sorted(Path(shutil.__file__).parent.glob("s*.py"))[:8]
    file.write_text("<|endoftext|>".join(source.read_text(encoding="utf-8") for source in sources), encoding="utf-8")
    return file


@pytest.mark.parametrize("model", ["gpt2", "bundled"])
def test_a_model_of_another_name_is_refused_naming_both(model: str) -> None:
    with pytest.raises(MismatchError, match=f"expected 'pythia-70m', found '{model}'"):
        _complete(Options(model=model), a_config(model_name="pythia-70m"))


def test_no_tokens_are_not_the_default_number() -> None:
    assert _complete(Options(n_tokens=0), a_config()).n_tokens == 0
    assert _complete(Options(), a_config()).n_tokens == 1_000_000


def test_a_folder_may_hold_the_model_of_that_name(tmp_path: Path) -> None:
    assert _complete(Options(model=str(tmp_path)), a_config(model_name="pythia-70m")).model == str(tmp_path)
    assert _complete(Options(model="bundled"), a_config(model_name="elsewhere/subject/bundled")).model == "bundled"


def test_a_longer_context_than_the_model_takes_is_refused_naming_both(tmp_path: Path, text: Path) -> None:
    with pytest.raises(MismatchError, match="expected 4096, found 128"):
        autointerp.harvest(an_sae(tmp_path / "sae", context_size=4096), tmp_path / "run", corpus=str(text))


@pytest.mark.parametrize(("option", "name"), [("--out", "run\udcff"), ("--corpus", "text\udcff.txt")])
def test_a_name_that_is_no_utf8_is_refused(tmp_path: Path, option: str, name: str) -> None:
    given = {"--out": str(tmp_path / "run"), "--corpus": "python", option: str(tmp_path / name)}
    with pytest.raises(UsageError, match=rf"{option} '.*\\udcff.*is not UTF-8"):
        autointerp.label(an_sae(tmp_path / "sae"), given["--out"], corpus=given["--corpus"])


def test_a_device_is_no_run_directory() -> None:
    with pytest.raises(UsageError, match="is a file"):
        claim(RunDirectory("/dev/null"), resume=True)


def test_a_run_that_was_killed_before_its_manifest_was_there_goes_on(tmp_path: Path) -> None:
    (tmp_path / "windows").mkdir()
    (tmp_path / ".run.json.abc123.tmp").write_text("{")
    claim(RunDirectory(tmp_path), resume=True)
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(UsageError, match="holds no run"):
        claim(RunDirectory(tmp_path), resume=True)


@pytest.mark.slow
def test_what_a_run_has_lost_is_made_again(tmp_path: Path, text: Path) -> None:
    run = RunDirectory(tmp_path / "run")
    autointerp.label(an_sae(tmp_path / "sae"), run.path, corpus=str(text), n_tokens=8_000, features="random:5")
    files = ["contexts.parquet", "features.parquet", "harvest/explain.npz", "harvest/score.npz", "windows/tokens.npy"]
    before = {file: (run.path / file).read_bytes() for file in [*files, "labels.csv"]}
    for file in files:
        (run.path / file).unlink()
        autointerp.label(None, run.path, resume=True)
        assert (run.path / file).read_bytes() == before[file], file
        assert run.labels_csv.read_bytes() == before["labels.csv"]
    text.write_text(text.read_text(encoding="utf-8").replace("self", "me"), encoding="utf-8")
    (run.path / "windows" / "tokens.npy").unlink()
    with pytest.raises(MismatchError, match="windows are gone"):
        autointerp.label(None, run.path, resume=True)


@pytest.mark.slow
def test_a_selection_that_was_not_finished_is_made_again(
    tmp_path: Path, text: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after the contexts of another selection are there, and before the manifest says so."""
    run, ids = RunDirectory(tmp_path / "run"), tmp_path / "ids.txt"
    ids.write_text("1 2 3")
    autointerp.label(an_sae(tmp_path / "sae"), run.path, corpus=str(text), n_tokens=8_000, features=f"ids:{ids}")
    before = run.labels_csv.read_bytes()
    contexts = run.contexts.read_bytes()
    ids.write_text("4 5")

    def die(*arguments: object, **options: object) -> None:
        write_contexts(*arguments, **options)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("autointerp.verbs._label.write_contexts", die)
        with pytest.raises(KeyboardInterrupt):
            autointerp.label(None, run.path, features=f"ids:{ids}", resume=True)
    assert run.contexts.read_bytes() != contexts
    with pytest.raises(UsageError, match="no labels yet"):
        autointerp.score(run.path)
    ids.write_text("1 2 3")
    autointerp.label(None, run.path, features=f"ids:{ids}", resume=True)
    assert run.contexts.read_bytes() == contexts
    assert run.labels_csv.read_bytes() == before
