"""``autointerp finetune`` on the bundled model, with a random SAE and a page of text."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

import sae
from autointerp import verbs
from autointerp.errors import UsageError
from autointerp.run import Progress, RunDirectory
from autointerp.verbs import _finetune, _memory
from autointerp.verbs._inputs import Options
from sae.architectures import REGISTRY

HOOK = "blocks.1.hook_resid_post"
FIGURES = {"fvu", "mse", "l2_ratio", "cosine", "l0", "loss_added", "loss_recovered"}


def save_sae(folder: Path, architecture: str = "standard", *, extra: dict | None = None, **config: object) -> Path:
    """Random directions; their features are too weak by half, as after an L1 penalty."""
    metadata = {"model_name": "bundled", "hook_name": HOOK, "context_size": 32, "prepend_bos": True}
    cfg = sae.SAEConfig(architecture, 192, 32, metadata=sae.SAEMetadata(**metadata, extra=extra or {}), **config)
    random = torch.Generator().manual_seed(0)
    tensors = {
        name: 0.05 * torch.randn(shape, generator=random) for name, shape in REGISTRY[architecture].shapes(cfg).items()
    }
    sae.save(sae.SAE(cfg, **tensors), folder)
    return folder


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    lines = [f"def function_{i}(self):\n    return self.value[{i}] + {i * i}  # the word is {i}\n" for i in range(60)]
    file = tmp_path_factory.mktemp("text") / "text.jsonl"
    file.write_text("".join(json.dumps({"text": line * 3}) + "\n" for line in lines), encoding="utf-8")
    return file


@pytest.fixture
def arguments(tmp_path: Path, text: Path) -> tuple[object, ...]:
    given = save_sae(tmp_path / "sae")
    return ("--sae", given, "--out", tmp_path / "out", "--corpus", text, "--tokens", 1500)


def same_bits(a: sae.SAE, b: sae.SAE) -> bool:
    x = 5 * torch.randn(200, 192, generator=torch.Generator().manual_seed(1))
    return torch.equal(a.encode(x), b.encode(x))


def test_the_scale_is_tuned_measured_and_written(command, arguments, tmp_path: Path) -> None:
    ended = command("finetune", *arguments)
    assert ended.code == 0, ended.err
    out = tmp_path / "out"
    assert ended.out.strip() == str(out)
    assert {file.name for file in out.iterdir()} == {"cfg.json", "sae_weights.safetensors", "finetune.json"}
    before, after = sae.load(tmp_path / "sae"), sae.load(out)
    assert same_bits(before, after)
    assert torch.equal(after.b_dec, before.b_dec)
    report = json.loads((out / "finetune.json").read_text())
    assert set(report["before"]) == set(report["after"]) == set(report["difference"]) == FIGURES
    assert report["after"]["l0"] == report["before"]["l0"] > 0
    assert report["after"]["fvu"] < report["before"]["fvu"]
    assert report["sae_sha256"] == before.fingerprint()
    assert report["tuned_sha256"] == after.fingerprint()
    assert 0 < report["n_tuned"] <= report["n_features"] == 32
    assert report["n_tuned"] == int((after.W_dec != before.W_dec).any(dim=1).sum())
    assert report["n_held_out"] >= 0.1 * (report["n_tokens"] + report["n_held_out"])
    assert "Least squares over 32 features takes up to 0.3 MiB" in ended.err
    fvu = f"FVU {report['before']['fvu']:.3f} -> {report['after']['fvu']:.3f}"
    verdict = ended.err.strip().splitlines()[-1]
    assert verdict.startswith(
        f"finetuned: scale of {report['n_tuned']} of 32 features on {report['n_tokens']:,} tokens; on "
    )
    assert fvu in verdict
    assert not list(tmp_path.glob(".*"))


def test_the_gradient_tunes_decoder_and_b_dec_and_prints_json(command, arguments, tmp_path: Path) -> None:
    more = ("--tune", "decoder", "--b-dec", "--method", "gradient", "--steps", 20, "--json")
    ended = command("finetune", *arguments, *more)
    assert ended.code == 0, ended.err
    report = json.loads(ended.out)
    assert report == json.loads((tmp_path / "out" / "finetune.json").read_text())
    assert (report["method"], report["tune"], report["b_dec"], report["n_steps"]) == ("gradient", "decoder", True, 20)
    before, after = sae.load(tmp_path / "sae"), sae.load(tmp_path / "out")
    rms = float(before.W_dec.square().mean().sqrt())
    assert report["lr"] == pytest.approx(0.01 * rms, rel=1e-6)
    assert report["scales"] is None
    assert report["after"]["mse"] < report["before"]["mse"]
    assert same_bits(before, after)
    assert not torch.equal(after.b_dec, before.b_dec)
    assert "finetuned: b_dec and decoder of 3" in ended.err
    assert "Least squares" not in ended.err


@pytest.mark.parametrize("tune", ["scale", "decoder"])
def test_the_text_tuned_on_is_explained_no_worse(tune: str, tmp_path: Path, text: Path, monkeypatch) -> None:
    """The held-out part may lose by chance, the text itself can't; and the two share no document."""
    read, parts = [], []
    read_once, measure = _finetune.read_once, _finetune.measure_change

    def recorded(setting, rows):
        parts.append(setting.clusters(rows))
        for x in read_once(setting, rows):
            read.append(x)
            yield x

    def measured(setting, before, after, rows):
        parts.append(setting.clusters(rows))
        return measure(setting, before, after, rows)

    monkeypatch.setattr(_finetune, "read_once", recorded)
    monkeypatch.setattr(_finetune, "measure_change", measured)

    given = save_sae(tmp_path / "sae")
    result = verbs.finetune(given, tmp_path / "out", tune=tune, corpus=str(text), n_tokens=1500)
    before, after = (sae.metrics.evaluate(model, read) for model in (sae.load(given), result.sae))
    assert after.fvu < before.fvu
    assert after.l0 == before.l0
    assert before.n == result.report.n_tokens
    assert set(parts[0])
    assert not set(parts[0]) & set(parts[1])
    assert result.sae.fingerprint() == sae.load(result.folder).fingerprint()


def test_rare_features_stay_as_they_are(tmp_path: Path, text: Path) -> None:
    given = save_sae(tmp_path / "sae")
    result = verbs.finetune(given, tmp_path / "out", corpus=str(text), n_tokens=1500, min_active=10_000)
    assert (result.report.n_tuned, result.report.scales) == (0, None)
    assert result.report.before == result.report.after
    assert result.sae.fingerprint() == sae.load(given).fingerprint()


@pytest.mark.parametrize(("extra", "keep", "kept"), [
    ({"training": {"drop_bos": False}}, None, True),
    ({"training": {"drop_bos": True}}, None, False),
    ({}, None, False),
    ({}, True, True),
    ({"training": {"drop_bos": False}}, False, False),
])  # fmt: skip
def test_positions_are_those_of_the_training(extra, keep, kept, tmp_path: Path, text: Path) -> None:
    given = save_sae(tmp_path / "sae", extra=extra)
    report = verbs.finetune(given, tmp_path / "out", corpus=str(text), n_tokens=500, keep_bos=keep).report
    assert report.keep_bos == kept
    assert (report.n_tokens + report.n_held_out > 515) == kept  # 500 to 530 tokens, and two positions of each window


@pytest.mark.parametrize(("extra", "message"), [
    (("--out", "{tmp}/sae"), "is the SAE itself"),
    (("--out", "{tmp}/full"), "already there"),
    (("--sae", "no/such/sae"), "no/such/sae"),
    (("--tokens", "0"), "--tokens"),
    (("--steps", "5"), "--steps belongs to --method gradient"),
    (("--method", "gradient", "--lr", "0"), "--lr is 0.0"),
    (("--method", "gradient", "--steps", "0"), "--steps"),
    (("--min-active", "0"), "--min-active"),
    (("--tune", "encoder"), "encoder"),
    (("--hook-point", "blocks.0.hook_resid_post"), HOOK),
    (("--corpus", "none.txt"), "none.txt"),
    (("--sae", "{tmp}/normed"), "normalize_activations='layer_norm'"),
    (("--sae", "{tmp}/gated", "--b-dec"), "gated SAE reads x - b_dec"),
])  # fmt: skip
def test_bad_input_exits_2_and_writes_nothing(command, arguments, tmp_path: Path, extra, message: str) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    save_sae(tmp_path / "normed", normalize_activations="layer_norm")
    save_sae(tmp_path / "gated", "gated")
    before = sorted(tmp_path.rglob("*"))
    ended = command("finetune", *arguments, *(str(word).format(tmp=tmp_path) for word in extra))
    assert ended.code == 2, ended.err
    assert message in ended.err
    assert "Traceback" not in ended.err
    assert sorted(tmp_path.rglob("*")) == before


def test_python_is_told_the_same(tmp_path: Path) -> None:
    given = save_sae(tmp_path / "sae")
    for options, message in (
        ({"n_tokens": 0}, "--tokens is 0"), ({"method": "newton"}, "no 'newton'"), ({"lr": 0.1}, "--lr belongs to"),
        ({"min_active": 0}, "--min-active is 0"),
    ):  # fmt: skip
        with pytest.raises(UsageError, match=message):
            verbs.finetune(given, tmp_path / "out", corpus="python", **options)
    with pytest.raises(sae.SAEError, match="tune must be one of"):
        verbs.finetune(given, tmp_path / "out", corpus="python", tune="encoder")


def test_what_would_not_fit_is_refused_before_any_text_is_read(command, arguments, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(_finetune, "free_bytes", lambda: sae.finetune.least_squares_bytes(192, 32) - 1)
    monkeypatch.setattr(_finetune, "open_inputs", None)
    ended = command("finetune", *arguments)
    assert ended.code == 2
    assert "--method gradient" in ended.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("where", ["measure_change", "write_text"])
def test_ctrl_c_leaves_nothing(command, arguments, tmp_path: Path, monkeypatch, where: str) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(_finetune, where, interrupt)
    before = sorted(tmp_path.rglob("*"))
    ended = command("finetune", *arguments)
    assert ended.code == 130
    assert sorted(tmp_path.rglob("*")) == before


def test_every_input_is_asked_for(tmp_path: Path, monkeypatch) -> None:
    asked: list[Options] = []

    def open_inputs(_: RunDirectory, options: Options, __: Progress) -> None:
        asked.append(options)
        raise KeyboardInterrupt

    monkeypatch.setattr(_finetune, "open_inputs", open_inputs)
    given = {
        "model": "bundled", "hook_point": HOOK, "corpus": "python", "column": "code", "n_tokens": 50, "seed": 3,
        "keep_bos": True, "threads": 2,
    }  # fmt: skip
    path = save_sae(tmp_path / "sae")
    with pytest.raises(KeyboardInterrupt):
        verbs.finetune(path, tmp_path / "out", **given)
    assert asked == [Options(sae=str(path), device="cpu", **given)]


def test_text_that_is_short_is_said(command, arguments) -> None:
    ended = command("finetune", *arguments[:-1], 900_000)
    assert ended.code == 0, ended.err
    assert "of the 900,000 asked for" in ended.err


def test_memory_that_a_container_leaves(tmp_path: Path, monkeypatch) -> None:
    system, group = tmp_path / "meminfo", tmp_path / "group"
    monkeypatch.setattr(_memory, "MEMORY_INFO", system)
    monkeypatch.setattr(_memory, "CONTROL_GROUP", group)
    assert _memory.free_bytes() > 0  # of a system that does not say
    system.write_text("MemTotal:  900 kB\nMemAvailable:  500 kB\n")
    assert _memory.free_bytes() == 500 * 1024
    group.mkdir()
    for name, content in {"max": "max", "current": "300000", "stat": "anon 7\ninactive_file 50000\n"}.items():
        (group / f"memory.{name}").write_text(content)
    assert _memory.free_bytes() == 500 * 1024
    (group / "memory.max").write_text("400000\n")
    assert _memory.free_bytes() == 150_000
    (group / "memory.max").write_text("1\n")
    assert _memory.free_bytes() == 0
