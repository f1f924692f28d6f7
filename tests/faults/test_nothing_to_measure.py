"""An SAE of which every feature is dead, labelled and scored: counts of nothing, and no number that pretends."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch

import autointerp
import sae

D_MODEL, D_SAE = 192, 12  # of the bundled model; any


@pytest.mark.slow
def test_an_all_dead_sae_has_no_rates(tmp_path: Path) -> None:
    weights = torch.randn(D_MODEL, D_SAE, generator=torch.Generator().manual_seed(0))
    metadata = sae.SAEMetadata(model_name="bundled", hook_name="blocks.1.hook_resid_post", prepend_bos=True)
    config = sae.SAEConfig("standard", D_MODEL, D_SAE, metadata=metadata)
    dead = torch.full((D_SAE,), -1e6)
    model = sae.SAE(config, W_enc=weights, b_enc=dead, W_dec=weights.T.clone(), b_dec=torch.zeros(D_MODEL))
    sae.save(model, tmp_path / "sae")
    (tmp_path / "text.jsonl").write_text("".join(json.dumps({"text": f"for i in {i} do it"}) + "\n" for i in range(99)))
    run = tmp_path / "run"
    labels = autointerp.label(
        tmp_path / "sae", run, features="ids:0|3|11", corpus=str(tmp_path / "text.jsonl"), n_tokens=1000
    )
    assert labels["outcome"].tolist() == ["error"] * 3
    assert labels["label"].isna().all() or (labels["label"] == "").all()
    scores = autointerp.score(run)
    assert not scores["verified"].fillna(False).any()
    features = autointerp.harvest(tmp_path / "sae", run, resume=True)
    assert (features["n_active"] == 0).all()
    assert features["dead_never"].all()
    assert features[["mean_activation", "selectivity", "rank"]].isna().all(axis=None)
    summary = json.loads((run / "summary.json").read_text())
    (group,) = summary["groups"].values()
    assert (group["n"], group["n_ok"]) == (3, 0)
    assert group["rates"]["verified"]["rate"] is None
    assert not [value for value in numbers(summary) if not math.isfinite(value)]
    assert "n/a" in Path(autointerp.report(run)).read_text()
    assert len(Path(autointerp.export(run)).read_text().splitlines()) == 4


def numbers(value: object) -> list[float]:
    """All numbers in a JSON value."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [number for one in value for number in numbers(one)]
    return [value] if isinstance(value, float) else []
