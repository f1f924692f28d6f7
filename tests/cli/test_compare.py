"""``autointerp compare``: files, exit codes, and connections between an SAE and its own features in another order."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
import torch

import sae
from autointerp import verbs
from autointerp.errors import MismatchError, UsageError

D_IN, D_SAE = 192, 24
HOOK = "blocks.1.hook_resid_post"


def save_sae(folder: Path, *, order: list[int] | None = None, seed: int = 0, d_in: int = D_IN, **meta: object) -> Path:
    """Random directions that fire on about a fifth of the bundled model's tokens; ``order`` moves the features."""
    generator = torch.Generator().manual_seed(seed)
    metadata = {"model_name": "bundled", "hook_name": HOOK, "context_size": 64, "dataset_path": "python", **meta}
    cfg = sae.SAEConfig("standard", d_in, D_SAE, metadata=sae.SAEMetadata(**metadata))
    W_dec = torch.randn(D_SAE, d_in, generator=generator)
    W_dec = torch.nn.functional.normalize(W_dec, dim=1)[order or list(range(D_SAE))]
    tensors = {"W_enc": W_dec.T, "b_enc": torch.full((D_SAE,), -0.5), "W_dec": W_dec, "b_dec": torch.zeros(d_in)}
    sae.save(sae.SAE(cfg, **tensors), folder)
    return folder


def test_directions_need_no_text(command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    a, b = save_sae(tmp_path / "one", order=list(range(D_SAE))), save_sae(tmp_path / "two", seed=1)
    seed_of_a = save_sae(tmp_path / "again", order=list(range(D_SAE))[::-1])
    ended = command("compare", a, b, "--seed-of-a", seed_of_a)
    assert ended.code == 0, ended.err
    assert ended.out.strip() == "runs/compare-one-two/compare"
    assert ended.err.strip().splitlines()[-1].startswith("compared: above cosine 0.9 0.0% +- 0.0% of A in B")
    folder = tmp_path / "runs" / "compare-one-two" / "compare" / "directions"
    names = ("comparisons", "features_a", "features_b", "stable_absent")
    assert all((folder / f"{name}.{ending}").is_file() for name in names for ending in ("parquet", "csv"))
    assert (folder / "cosines.svg").is_file()
    assert (folder / "cosines.png").is_file()
    stable = pd.read_parquet(folder / "stable_absent.parquet")
    assert sorted(stable["feature"]) == list(range(D_SAE))
    assert not (tmp_path / "runs" / "compare-one-two" / "run.json").exists()


def test_findings_of_the_same_inputs_are_not_made_again(command, tmp_path: Path) -> None:
    a, b = save_sae(tmp_path / "one"), save_sae(tmp_path / "two", seed=1)
    printed = [command("compare", a, b, "--out", tmp_path / "c", "--json", *more) for more in ((), (), ("--seed", 1))]
    assert all(ended.code == 0 for ended in printed)
    first, second, other = (json.loads(ended.out) for ended in printed)
    assert first == second
    assert "cosines" not in printed[1].err
    assert "cosines" in printed[2].err
    assert other["directions"]["numbers"][0]["name"] == "a_in_b_share_above_0_9"


def test_different_widths_are_refused(command, tmp_path: Path) -> None:
    a, b = save_sae(tmp_path / "one"), save_sae(tmp_path / "two", d_in=64)
    ended = command("compare", a, b, "--out", tmp_path / "c")
    assert ended.code == 2
    assert "192" in ended.err
    assert "64" in ended.err
    assert not (tmp_path / "c").exists()
    with pytest.raises(MismatchError):
        verbs.compare(a, save_sae(tmp_path / "three", seed=2), tmp_path / "c", seeds_of_a=[b])


def test_other_places_and_models_are_said(tmp_path: Path) -> None:
    a = save_sae(tmp_path / "a")
    elsewhere = save_sae(tmp_path / "b", seed=1, hook_name="blocks.0.hook_resid_post")
    foreign = save_sae(tmp_path / "s", seed=2, model_name="gpt2")
    notes = verbs.compare(a, elsewhere, tmp_path / "c", seeds_of_a=[foreign]).directions.notes
    assert any("reads blocks.1.hook_resid_post, b reads blocks.0.hook_resid_post" in note for note in notes)
    assert any("a reads bundled, s reads gpt2" in note for note in notes)
    same = save_sae(tmp_path / "d", seed=1, hook_name="blocks.2.hook_resid_pre")  # another name of the same place
    assert not any("reads" in note for note in verbs.compare(a, same, tmp_path / "e").directions.notes)


@pytest.mark.parametrize(("arguments", "message"), [
    (("{a}", "{a}"), "named twice"),
    (("{a}", "no/such/sae"), "no/such/sae"),
    (("{a}", "{b}", "--out", "{full}"), "holds something else"),
    (("{a}", "{b}", "--connections", "--alpha", "0"), "--alpha"),
])  # fmt: skip
def test_bad_input_exits_2(command, tmp_path: Path, monkeypatch, arguments, message: str) -> None:
    monkeypatch.chdir(tmp_path)
    places = {"a": save_sae(tmp_path / "a"), "b": save_sae(tmp_path / "b", seed=1), "full": tmp_path / "full"}
    places["full"].mkdir()
    (places["full"] / "notes.txt").write_text("mine")
    ended = command("compare", *(argument.format(**places) for argument in arguments))
    assert ended.code == 2
    assert message in ended.err
    assert "Traceback" not in ended.err
    assert not (tmp_path / "runs").exists()


@pytest.mark.slow
def test_connections_find_the_same_features_in_another_order(command, tmp_path: Path) -> None:
    order = torch.randperm(D_SAE, generator=torch.Generator().manual_seed(3)).tolist()
    a, b = save_sae(tmp_path / "a"), save_sae(tmp_path / "b", order=order)
    options = ("--out", tmp_path / "c", "--connections", "--tokens", 6000, "--corpus", "python")
    ended = command("compare", a, b, *options, "--json")
    assert ended.code == 0, ended.err
    found = json.loads(ended.out)["connections"]
    numbers = {number["name"]: number["value"] for number in found["numbers"]}
    assert numbers["r2_median"] > 0.99
    assert numbers["connections_median"] < 4
    frame = pd.read_parquet(tmp_path / "c" / "compare" / "connections" / "connected_features.parquet")
    assert len(frame) > D_SAE / 2
    assert [order[feature] for feature in frame["feature_b"]] == frame["strongest_a"].tolist()
    assert (tmp_path / "c" / "compare" / "connections" / "connections.svg").is_file()
    few = command("compare", a, b, *options, "--max-features", 5)
    assert few.code == 0, few.err
    assert "connections explain R2" in few.err.splitlines()[-1]
    frame = pd.read_parquet(tmp_path / "c" / "compare" / "connections" / "connected_features.parquet")
    assert len(frame) == 5
    nothing = command("compare", a, b, *options[:3], "--tokens", 1)
    assert nothing.code == 0, nothing.err
    assert "connections not measured: The text that was drawn has no window in one" in nothing.err.splitlines()[-1]


@pytest.mark.parametrize(("option", "message"), [({"max_features": 0}, "--max-features"), ({"alpha": -1.0}, "--alpha")])
def test_options_of_the_map_are_checked_before_anything_is_read(tmp_path: Path, option, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        verbs.compare("no/such/sae", "nor/this", tmp_path / "c", connections=True, **option)
