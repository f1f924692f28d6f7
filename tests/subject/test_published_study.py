"""The published study's config, on a GPT-2-style model small enough to train here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from autointerp.train import SweepConfig, train_sweep

CONFIG = Path(__file__).parents[2] / "configs" / "gpt2_layer6_grid16.toml"


def test_the_published_study_runs_on_a_gpt2_style_model(tmp_path: Path, model_folder: Callable[[str], Path]) -> None:
    published, corpus = SweepConfig.read(CONFIG), tmp_path / "corpus.txt"
    corpus.write_text("\n\n".join(f"Once upon a time, {i}, the quick brown fox." for i in range(60)), encoding="utf-8")
    small = {
        "model": str(model_folder("gpt2")), "hook_point": "blocks.1.hook_resid_pre", "context_length": 16,
        "corpus": str(corpus), "n_tokens": 800, "n_train": 1600, "buffer_size": 256,
    }  # fmt: skip
    config = published.model_copy(
        update={"train": {**published.train, **small}, "grid": {**published.grid, "expansion": [4]}}
    )
    folders = train_sweep(config, tmp_path / "sweep")
    assert len(folders) == 4
    assert all((folder / "sae_weights.safetensors").exists() for folder in folders.values())
