"""SAEs by name: on the hub, and in SAELens's registry."""

from __future__ import annotations

import shutil
import sys
from fnmatch import fnmatch
from pathlib import Path
from types import SimpleNamespace

import huggingface_hub
import pytest
import torch

import sae
from sae.formats._hub import HubPath, parse_hub_path
from sae.formats._release import split_release
from sae.stack import StackedSAE, save_stack


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A folder that stands for the hub's repository ``org/repo``; downloads are copies of what was asked for."""
    remote, asked = tmp_path / "remote", []
    remote.mkdir()

    def list_repo_files(repo):
        assert repo == "org/repo"
        return [str(file.relative_to(remote)) for file in sorted(remote.rglob("*")) if file.is_file()]

    def snapshot_download(repo, *, allow_patterns):
        if repo != "org/repo":
            raise OSError(f"404: {repo} is not there")
        asked.append(repo)
        local = tmp_path / "cache"
        local.mkdir(exist_ok=True)
        for name in list_repo_files(repo):
            if any(fnmatch(name, pattern) for pattern in allow_patterns):
                (local / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(remote / name, local / name)
        return str(local)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    monkeypatch.setattr(huggingface_hub, "list_repo_files", list_repo_files)
    return SimpleNamespace(remote=remote, cache=tmp_path / "cache", asked=asked)


def files_in(folder):
    return {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}


@pytest.mark.parametrize("inside", ["", "blocks.6.hook_resid_pre", "a/b/trainer_0"])
def test_a_folder_of_a_repository(hub, make_sae, inside):
    model = make_sae()
    sae.save(model, hub.remote / inside)
    sae.save(make_sae(seed=1), hub.remote / "other")
    (hub.remote / inside / "optimizer.pt").write_bytes(b"large")
    found = sae.load(f"org/repo/{inside}" if inside else "org/repo")
    assert found.fingerprint() == model.fingerprint()
    wanted = {"cfg.json", "sae_weights.safetensors"}
    assert files_in(hub.cache) == {str(Path(inside) / name) for name in wanted}  # that one SAE and nothing else


def test_a_file_of_a_repository(hub):
    tensors = {"W_enc": torch.ones(3, 5), "b_enc": torch.ones(5), "W_dec": torch.ones(5, 3), "b_dec": torch.ones(3)}
    torch.save(tensors, hub.remote / "weights.pth")
    assert sae.load("org/repo/weights.pth").cfg.d_sae == 5
    assert files_in(hub.cache) == {"weights.pth"}


def test_the_config_of_a_run_comes_along(hub):
    from safetensors.torch import save_file

    folder = hub.remote / "layers.2" / "seed0"
    folder.mkdir(parents=True)
    (folder / "cfg.json").write_text('{"d_in": 3, "num_latents": 5, "k": 2}')
    tensors = {"encoder.weight": torch.ones(5, 3), "encoder.bias": torch.ones(5), "b_dec": torch.ones(3)}
    save_file({**tensors, "W_dec": torch.ones(5, 3)}, folder / "sae.safetensors")
    (hub.remote / "config.json").write_text('{"model": "some/model"}')
    meta = sae.load("org/repo/layers.2/seed0").cfg.metadata
    assert (meta.model_name, meta.hook_name) == ("some/model", "blocks.2.hook_resid_post")


def test_a_stack_comes_with_its_stages(hub, make_sae):
    stack = StackedSAE([make_sae(), make_sae(seed=1)], ["x", "residual"])
    save_stack(stack, hub.remote / "two")
    sae.save(make_sae(), hub.remote / "other")
    assert sae.load("org/repo/two").fingerprint() == stack.fingerprint()
    stages = {f"two/stage_{n}/{name}" for n in (1, 2) for name in ("cfg.json", "sae_weights.safetensors")}
    assert files_in(hub.cache) == {"two/stack.json", *stages}


def test_a_repository_of_several_says_where_they_are(hub, make_sae):
    with pytest.raises(sae.SAEError, match="holds no SAE at its root, nor elsewhere in a format known here"):
        sae.load("org/repo")
    for layer in range(7):
        sae.save(make_sae(), hub.remote / f"blocks.{layer}.hook_resid_pre")
    with pytest.raises(sae.SAEError, match=r"at layers\.0; there are 7, e\.g\. org/repo/blocks\.0\.hook_resid_pre, "):
        sae.load("org/repo/layers.0")


def test_a_repository_that_is_not_there(hub):
    with pytest.raises(sae.SAEError, match=r"no such file or folder, and as a name: .*no/repo.*404"):
        sae.load("no/repo/layer")


def test_without_a_network_the_error_names_both_readings(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    with pytest.raises(sae.SAEError, match=r"no/such/sae: no such file or folder, and as a name: .*can't be fetched"):
        sae.load("no/such/sae")


def test_what_exists_here_is_never_looked_up(hub, make_sae, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sae.save(make_sae(), Path("org/repo"))
    assert sae.load("org/repo").fingerprint() == make_sae().fingerprint()
    with pytest.raises(sae.SAEError, match=r"no such file or folder$"):
        sae.load(Path("org/elsewhere"))  # a Path is a path
    with pytest.raises(sae.SAEError, match=r"no such file or folder$"):
        sae.load("org/mistyped")  # org is a folder here
    assert hub.asked == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("org/repo", HubPath("org/repo", "")),
        ("org/repo/", HubPath("org/repo", "")),
        ("org/repo/a/layers.10", HubPath("org/repo", "a/layers.10")),
        ("repo", None),
        ("/org/repo", None),
        ("./org/repo", None),
        ("../repo/x", None),
        ("org/repo/../../x", None),
        ("org/repo/*", None),
        ("org/repo//x", None),
        ("~/sae", None),
        ("release:id", None),
    ],
)
def test_what_looks_like_a_place_on_the_hub(text, expected):
    assert parse_hub_path(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("gpt2-small-res-jb:blocks.6.hook_resid_pre", ("gpt2-small-res-jb", "blocks.6.hook_resid_pre")),
        ("gemma-scope-2b-pt-res:layer_20/width_16k/l0_71", ("gemma-scope-2b-pt-res", "layer_20/width_16k/l0_71")),
        ("org/repo:x", None),
        ("release:", None),
        (":id", None),
        ("release", None),
    ],
)
def test_what_looks_like_a_release(text, expected):
    assert split_release(text) == expected


class Registry:
    """Stands for ``sae_lens.SAE``: knows one name, and writes its SAE as SAELens does."""

    def __init__(self, model):
        self.model = model

    def from_pretrained(self, release, sae_id, device):
        assert device == "cpu"
        if (release, sae_id) != ("some-release", "layer_3/width_16"):
            raise ValueError(f"Release {release} not found in pretrained SAEs directory.\nmore")
        return SimpleNamespace(save_model=lambda folder: sae.save(self.model, Path(folder)))


def test_a_release_of_the_registry(monkeypatch, make_sae):
    model = make_sae(metadata=sae.SAEMetadata(model_name="gpt2", extra={"neuronpedia_id": "gpt2-small/6"}))
    monkeypatch.setitem(sys.modules, "sae_lens", SimpleNamespace(SAE=Registry(model)))
    found = sae.load("some-release:layer_3/width_16")
    assert found.fingerprint() == model.fingerprint()
    assert found.cfg == model.cfg
    with pytest.raises(sae.SAEError, match=r"other:x: SAELens can't load it \(ValueError: Release other not found"):
        sae.load("other:x")


def test_a_release_without_the_registry(monkeypatch):
    monkeypatch.setitem(sys.modules, "sae_lens", None)
    with pytest.raises(sae.SAEError, match=r"a:b is a name in SAELens's registry.*instead: org/repo/path/of/the/sae"):
        sae.load("a:b")
