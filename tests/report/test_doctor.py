from __future__ import annotations

from importlib import metadata
from types import SimpleNamespace

import pytest
from llm_canary import CANARY

from autointerp.report import Finding, diagnose, exit_code
from autointerp.report import _doctor as doctor


@pytest.fixture
def found(tmp_path, monkeypatch):
    """``found()`` by name, with the Hugging Face cache in a temporary folder."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    return lambda: {finding.name: finding for finding in diagnose(tmp_path)}


def test_a_working_machine_is_fit(found):
    findings = found()
    assert exit_code(list(findings.values())) == 0
    assert findings["transformer_lens"].detail.startswith(metadata.version("transformer_lens"))
    assert ">=3.9" in findings["transformer_lens"].detail
    assert findings["devices"].detail.startswith("cpu (")
    assert findings["bundled model"].status == "ok"
    assert not [name for name in findings if name in {"pytest", "hypothesis", "ruff"}]


def test_a_key_is_seen_and_never_shown(found, monkeypatch):
    assert found()["OPENAI_API_KEY"].detail.startswith("not set")
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    findings = found()
    assert findings["OPENAI_API_KEY"].detail == "set"
    assert CANARY not in repr(findings)
    monkeypatch.setenv("OPENAI_API_KEY", " ")
    assert found()["OPENAI_API_KEY"].detail.startswith("not set")


def test_cached_models_are_listed(found, tmp_path):
    assert "no models" in found()["Hugging Face cache"].detail
    for name, files in (("models--openai-community--gpt2", ["config.json"]), ("models--half--there", [])):
        snapshot = tmp_path / "hub" / name / "snapshots" / "abc"
        snapshot.mkdir(parents=True)
        for file in files:
            (snapshot / file).touch()
    detail = found()["Hugging Face cache"].detail
    assert "openai-community/gpt2" in detail
    assert "half/there" not in detail


@pytest.mark.parametrize(("version", "status"), [("4.3.0", "ok"), ("3.9.0", "ok"), ("3.8.9", "bad"), ("5.0.0", "bad")])
def test_transformer_lens_has_a_range(found, monkeypatch, version, status):
    real = metadata.version
    monkeypatch.setattr(doctor.metadata, "version", lambda name: version if name == "transformer_lens" else real(name))
    finding = found()["transformer_lens"]
    assert finding.status == status
    assert bool(finding.hint) == (status == "bad")


def test_a_missing_package_is_bad(found, monkeypatch):
    real = metadata.version

    def version(name):
        if name == "tenacity":
            raise metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(doctor.metadata, "version", version)
    findings = found()
    assert (findings["tenacity"].status, exit_code(list(findings.values()))) == ("bad", 2)
    assert "pip install 'tenacity" in findings["tenacity"].hint


def test_not_installed_at_all_is_bad(found, monkeypatch):
    def requires(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(doctor.metadata, "requires", requires)
    assert found()["autointerp"].status == "bad"


def test_little_disk_is_a_warning(found, monkeypatch):
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: SimpleNamespace(total=10, used=9, free=1))
    findings = found()
    assert findings["disk"].status == "warn"
    assert exit_code(list(findings.values())) == 0


def test_a_folder_that_takes_no_files_is_bad(found, monkeypatch):
    monkeypatch.setattr(doctor.os, "access", lambda *_: False)
    assert found()["current folder"].status == "bad"


def test_waiting_threads_are_a_warning(found, monkeypatch):
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    assert found()["OMP_WAIT_POLICY"].status == "warn"
    monkeypatch.setenv("OMP_WAIT_POLICY", "PASSIVE")
    assert found()["OMP_WAIT_POLICY"].status == "ok"


def test_a_package_without_its_model_is_bad(found, monkeypatch, tmp_path):
    import autointerp.subject

    monkeypatch.setattr(autointerp.subject, "bundled_path", lambda: tmp_path)
    assert "model.safetensors" in found()["bundled model"].detail


def test_only_what_is_bad_counts():
    ok, warn, bad = (Finding(status, status, "") for status in ("ok", "warn", "bad"))
    assert [exit_code(case) for case in ([], [ok, warn], [ok, bad])] == [0, 0, 2]
