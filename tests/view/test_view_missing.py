"""What can't be had is said, with the reason, and everything else is shown."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from autointerp.errors import MismatchError, UsageError
from autointerp.run import RunDirectory, Silence
from autointerp.view import Machine, Opened, Sections, to_json


def first_shard(site) -> list[dict]:
    return list(json.loads(site.document("features/0"))["features"].values())


def forget(run: RunDirectory) -> None:
    """As if nobody had looked at the run before."""
    shutil.rmtree(run.view)


def test_without_the_sae_the_rest_is_there(run: RunDirectory, make_site) -> None:
    forget(run)
    run.update(lambda manifest: setattr(manifest.sae, "path", "gone/sae"))
    site = make_site(run)
    for page in first_shard(site):
        for name in ("logits", "decoder", "coactive"):
            assert page["missing"][name] == "the SAE is not at gone/sae any more; name its place with --sae"
        assert page["logits"] is None
        assert page["nearest"] == {"decoder": [], "coactive": []}
        assert page["contexts"][0]["more"]["before"] is not None
    assert "Not all can be shown: the SAE is not at gone/sae" in json.loads(site.document("run"))["notes"][0]


def test_the_sae_may_have_moved(run: RunDirectory, made: Path, make_site) -> None:
    forget(run)
    run.update(lambda manifest: setattr(manifest.sae, "path", "gone/sae"))
    for site in (make_site(run, sae_path=made / "sae"),):
        assert "logits" not in first_shard(site)[0]["missing"]
    forget(run)
    shutil.copytree(made / "sae", run.path / "sae")
    assert "logits" not in first_shard(make_site(run))[0]["missing"]


def test_another_sae_or_model_is_refused(run: RunDirectory) -> None:
    run.update(lambda manifest: setattr(manifest.sae, "sha256", "0" * 64))
    run.update(lambda manifest: setattr(manifest.model, "fingerprint", "another"))
    machine = Machine(Opened(run))
    with pytest.raises(MismatchError, match="expected '0000"):
        _ = machine.sae
    with pytest.raises(MismatchError, match="weights of bundled"):
        _ = machine.subject


def test_a_model_that_is_not_here_is_not_fetched(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: asked.append(1))
    run.update(lambda manifest: setattr(manifest.model, "name", "nobody/has-this-model"))
    with pytest.raises(UsageError, match="nothing is fetched here"):
        _ = Machine(Opened(run)).subject
    assert not asked


def test_a_broken_sae_is_a_reason_too(run: RunDirectory, tmp_path: Path) -> None:
    (tmp_path / "sae").mkdir()
    (tmp_path / "sae" / "cfg.json").write_text("{")
    machine = Machine(Opened(run), sae_path=tmp_path / "sae")
    for _ in range(2):
        with pytest.raises(UsageError, match="the SAE can't be loaded"):
            _ = machine.sae


def test_without_windows_contexts_are_shown_alone(run: RunDirectory, make_site) -> None:
    shutil.rmtree(run.windows)
    for page in first_shard(make_site(run)):
        assert page["contexts"][0]["more"] is None
        assert page["histogram"] is page["positions"] is None
        assert "no windows here" in page["missing"]["more"]
        assert page["top_tokens"][0]["count"] is None
        assert page["contexts"]


def test_without_the_sketches_there_is_no_histogram(run: RunDirectory, make_site) -> None:
    shutil.rmtree(run.harvest)
    for page in first_shard(make_site(run)):
        assert page["histogram"] is None
        assert "explain.npz" in page["missing"]["histogram"]
        assert page["contexts"][0]["more"] is not None


def test_what_was_computed_is_kept(run: RunDirectory, features) -> None:
    def refuse() -> None:
        raise AssertionError

    opened = Opened(run)
    machine = Machine(opened)
    machine._load_sae = machine._load_subject = refuse
    sections = Sections(opened, machine, Silence())
    sections.compute()
    assert not sections.missing
    for feature, page in features.items():
        assert json.loads(to_json(sections.of(feature)["logits"])) == page["logits"]


def test_what_was_kept_of_other_features_is_computed_again(run: RunDirectory, make_site) -> None:
    before = {file.name for file in run.view.iterdir()}
    run.update(lambda manifest: manifest.config["groups"].update({"ids": [12]}))
    site = make_site(run)
    assert 12 in json.loads(site.document("run"))["detailed"]
    after = {file.name for file in run.view.iterdir()}
    assert len(after) == len(before) == 4
    assert len(after & before) == 1  # how tokens are spelt depends on the model alone


def test_a_run_that_can_not_be_written_to_can_be_read(
    run: RunDirectory, make_site, monkeypatch: pytest.MonkeyPatch
) -> None:
    forget(run)
    run.view.write_text("in the way")
    assert "logits" not in first_shard(make_site(run))[0]["missing"]
    assert run.view.read_text() == "in the way"
