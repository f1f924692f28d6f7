"""delphi's cache: read back by the rules of its own loader (EleutherAI/delphi 3c2e139, delphi/latents/loader.py)."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from autointerp.errors import UsageError
from autointerp.export import Parts, Request, _delphi, write_export
from autointerp.harvest import Firings

LENGTH, D_SAE, HOOK = 8, 20, "blocks.3.hook_resid_post"


def parts(n_windows: int = 5, d_sae: int = D_SAE) -> Parts:
    """Every second window is short."""
    windows = SimpleNamespace(
        tokens=np.arange(n_windows * LENGTH, dtype=np.int32).reshape(n_windows, LENGTH),
        lengths=np.where(np.arange(n_windows) % 2 == 0, LENGTH, 3).astype(np.int32),
        context_length=LENGTH,
        n_windows=n_windows,
    )
    return Parts(SimpleNamespace(cfg=SimpleNamespace(d_sae=d_sae)), SimpleNamespace(), windows)  # type: ignore[arg-type]


@pytest.fixture
def export(whole_run, label_row, tmp_path, monkeypatch):
    """Exports a run whose features 3 and 17 fire where they are told to: (window, position, feature, value)."""

    def run(*firings: tuple[int, int, int, float], opened: Parts | None = None) -> Path:
        asked = []

        def find(_, features, rows, **__) -> Firings:
            asked.append((sorted(features), rows.tolist()))
            columns = list(zip(*firings, strict=True)) or [(), (), (), ()]
            ids = (np.array(column, np.int64) for column in columns[:3])
            return Firings(*ids, np.array(columns[3], np.float32))

        monkeypatch.setattr(_delphi, "find_firings", find)
        refused = label_row(5, None, outcome="refused", verdict=None)
        made = whole_run([label_row(3, 'self "x"\n'), label_row(17, "y"), refused])
        out = write_export(made, "delphi", out=tmp_path / "out", request=Request(parts=lambda: opened or parts()))
        assert asked == [([3, 5, 17], [0, 2, 4])]
        return out

    return run


def read(raw_dir: Path, module: str) -> tuple[dict[int, dict[tuple[int, int], float]], np.ndarray]:
    """Activations of each latent by (row, position), and the tokens."""
    latents: dict[int, dict[tuple[int, int], float]] = {}
    for path in sorted((raw_dir / module).glob("*.safetensors"), key=lambda path: int(path.stem.split("_")[0])):
        data = load_file(path)
        first, last = map(int, path.stem.split("_"))
        assert data["locations"].dtype in (np.uint16, np.uint32)
        assert np.issubdtype(data["activations"].dtype, np.floating)
        for (row, position, latent), value in zip(
            data["locations"].tolist(), data["activations"].tolist(), strict=True
        ):
            assert first <= latent + first <= last
            latents.setdefault(latent + first, {})[row, position] = value
    return latents, data["tokens"]


FIRINGS = ((0, 2, 3, 1.5), (2, 2, 17, 0.25), (2, 7, 3, 2.0), (4, 6, 17, 4.0))


def test_the_loader_finds_every_activation_at_its_token(export):
    out = export(*FIRINGS)
    latents, tokens = read(out / "latents", HOOK)
    assert latents == {3: {(0, 2): 1.5, (1, 7): 2.0}, 17: {(1, 2): 0.25, (2, 6): 4.0}}
    assert tokens.tolist() == parts().windows.tokens[[0, 2, 4]].tolist()
    assert tokens.dtype == np.int64


def test_the_cache_folder_holds_modules_alone_and_each_has_its_config(export):
    out = export(*FIRINGS)
    assert [entry.name for entry in (out / "latents").iterdir()] == [HOOK]
    config = json.loads((out / "latents" / HOOK / "config.json").read_text())
    assert config == {
        "dataset_repo": "python", "dataset_split": "", "dataset_name": "", "dataset_column": "text", "batch_size": 1,
        "cache_ctx_len": LENGTH, "n_tokens": 3 * LENGTH, "n_splits": 1, "model_name": "EleutherAI/pythia-70m",
    }  # fmt: skip


def test_labels_are_json_strings_and_a_missing_answer_has_no_file(export):
    folder = export(*FIRINGS) / "explanations"
    found = {path.name: json.loads(path.read_bytes()) for path in folder.iterdir()}
    assert found == {f"{HOOK}_latent3.txt": 'self "x"\n', f"{HOOK}_latent17.txt": "y"}


def test_counts_are_of_every_feature(export):
    path = export(*FIRINGS) / "log" / "hookpoint_firing_counts.pt"
    assert torch.load(path, weights_only=True)[HOOK].tolist() == list(range(10, 30))


def test_the_readme_says_what_is_left_out(export):
    text = (export(*FIRINGS) / "README.md").read_text()
    assert "of 3 features on 3 windows of 8 tokens" in text
    assert "2 windows\n  shorter than 8 tokens are left out" in text


def test_numbers_that_do_not_fit_get_wider_types(export):
    small = load_file(next(export(*FIRINGS).glob("latents/*/*.safetensors")))
    assert (small["locations"].dtype, small["activations"].dtype) == (np.uint16, np.float16)
    wide = load_file(next(export((0, 2, 3, 1e5), opened=parts(d_sae=100_000)).glob("latents/*/0_99999.safetensors")))
    assert (wide["locations"].dtype, wide["activations"].tolist()) == (np.uint32, [1e5])


def test_features_that_never_fire_make_an_empty_cache(export):
    assert read(export() / "latents", HOOK)[0] == {}


def test_without_a_full_window_or_the_runs_inputs_there_is_no_cache(whole_run, label_row, tmp_path):
    run = whole_run([label_row(3, "x")])
    short = parts()
    short.windows.lengths[:] = 3
    with pytest.raises(UsageError, match="no window has all 8 tokens"):
        write_export(run, "delphi", out=tmp_path / "out", request=Request(parts=lambda: short))
    with pytest.raises(UsageError, match="runs the model again"):
        write_export(run, "delphi", out=tmp_path / "out")
    assert not (tmp_path / "out").exists()
