"""``autointerp evaluate`` as a user runs it, on the bundled model with a random SAE and a page of text."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

import sae

HOOK = "blocks.1.hook_resid_post"


def save_sae(folder: Path, *, seed: int = 0, d_in: int = 192, **metadata: str) -> Path:
    random = torch.Generator().manual_seed(seed)
    known = {"model_name": "bundled", "hook_name": HOOK, **metadata}
    cfg = sae.SAEConfig("standard", d_in, 32, metadata=sae.SAEMetadata(context_size=32, prepend_bos=True, **known))
    tensors = {name: torch.randn(shape, generator=random) * 0.05 for name, shape in sae.SAE.shapes(cfg).items()}
    sae.save(sae.SAE(cfg, **tensors), folder)
    return folder


@pytest.fixture
def text(tmp_path: Path) -> Path:
    lines = [f"def function_{i}(self):\n    return self.value[{i}] + {i * i}  # the word is {i}\n" for i in range(60)]
    file = tmp_path / "text.jsonl"
    file.write_text("".join(json.dumps({"text": line * 3}) + "\n" for line in lines), encoding="utf-8")
    return file


@pytest.fixture
def arguments(tmp_path: Path, text: Path) -> tuple[object, ...]:
    out = tmp_path / "run"
    return ("--sae", save_sae(tmp_path / "sae"), "--out", out, "--corpus", text, "--tokens", 1500)


def test_a_suite_is_measured_once_and_printed_with_its_errors(command, arguments, tmp_path: Path) -> None:
    ended = command("evaluate", *arguments, "--suite", "core")
    assert ended.code == 0, ended.err
    lines = ended.out.splitlines()
    assert any(line.startswith("core: loss_recovered_zero = ") and "(standard error " in line for line in lines)
    assert ended.err.splitlines()[-1].endswith("evaluated: 1 suite")
    findings = tmp_path / "run" / "evaluate" / "core" / "findings.json"
    before = findings.stat().st_mtime_ns
    again = command("evaluate", *arguments[:4], "--tokens", 1500, "--suite", "core", "--json")
    assert again.code == 0, again.err
    assert findings.stat().st_mtime_ns == before
    assert json.loads(again.out) == [json.loads(findings.read_text())]
    assert {path.name for path in findings.parent.iterdir()} >= {"dead.csv", "dead.parquet", "loss.svg", "loss.png"}


def test_fewer_tokens_are_measured_again_on_the_same_run(command, arguments, tmp_path: Path) -> None:
    findings = tmp_path / "run" / "evaluate" / "density" / "findings.json"
    assert command("evaluate", *arguments, "--suite", "density").code == 0
    first = json.loads(findings.read_text())
    ended = command("evaluate", *arguments[:4], "--tokens", 300, "--suite", "density")
    assert ended.code == 0, ended.err
    second = json.loads(findings.read_text())
    assert (first["key"]["n_tokens"], second["key"]["n_tokens"]) == (1500, 300)


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (("--suite", "cores"), "no suite 'cores'. There are core, "),
        (("--suite", "core", "--hook-point", "blocks.0.hook_resid_post"), "blocks.0.hook_resid_post"),
        (("--suite", "core", "--tokens", "0"), "--tokens"),
    ],
    ids=["suite", "hook point", "tokens"],
)
def test_what_can_not_be_measured_is_refused(command, arguments, tmp_path: Path, extra, message: str) -> None:
    ended = command("evaluate", *arguments, *extra)
    assert ended.code == 2
    assert message in ended.err
    assert "Traceback" not in ended.err
    assert not (tmp_path / "run" / "evaluate").exists()


def test_splicing_elsewhere_names_both_places(command, arguments) -> None:
    ended = command("evaluate", *arguments, "--suite", "core", "--hook-point", "blocks.0.hook_resid_post")
    assert HOOK in ended.err
    assert "blocks.0.hook_resid_post" in ended.err


def test_a_new_run_needs_an_sae(command, tmp_path: Path) -> None:
    ended = command("evaluate", "--out", tmp_path / "run")
    assert ended.code == 2
    assert "--sae" in ended.err


def test_saes_that_do_not_belong_together_are_refused(command, arguments, tmp_path: Path) -> None:
    for other, message in (
        (save_sae(tmp_path / "gpt2", model_name="gpt2"), "gpt2"),
        (save_sae(tmp_path / "narrow", d_in=64), "64"),
        (tmp_path / "sae", "named twice"),
    ):
        ended = command("evaluate", *arguments, "--sae", other, "--suite", "core")
        assert ended.code == 2
        assert message in ended.err


def test_a_folder_of_saes_stands_for_all_of_them(tmp_path: Path, text: Path) -> None:
    import autointerp

    for number in range(2):
        save_sae(tmp_path / "sweep" / f"sae_{number}", seed=number)
    evaluate = autointerp.evaluate  # type: ignore[attr-defined]
    (stored,) = evaluate(tmp_path / "sweep", tmp_path / "run", suites=["position"], corpus=str(text), n_tokens=500)
    (site,) = stored.key["sites"]
    assert site.startswith(f"sae_0 {HOOK} ")
