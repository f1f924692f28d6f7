"""The baseline of a run whose SAE is a real one on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import sae
from autointerp.errors import MismatchError, UsageError
from autointerp.gate import compare, make_baseline
from autointerp.gate._direction import decode_direction

D_IN, D_SAE = 16, 400


@pytest.fixture
def stored(tmp_path):
    """``stored(name, decoder)`` saves an SAE and gives its path and hash."""

    def save(name, decoder):
        metadata = sae.SAEMetadata(model_name="bundled", hook_name="blocks.2.hook_resid_post")
        model = sae.SAE(
            sae.SAEConfig(architecture="standard", d_in=D_IN, d_sae=D_SAE, metadata=metadata),
            W_enc=torch.zeros(D_IN, D_SAE),
            b_enc=torch.zeros(D_SAE),
            W_dec=torch.from_numpy(decoder.copy()),
            b_dec=torch.zeros(D_IN),
        )
        sae.save(model, tmp_path / name)
        return {"path": str(tmp_path / name), "sae": model.fingerprint()}

    return save


def test_directions_come_from_the_runs_own_sae(make_run, decoder, shares, stored):
    baseline = make_baseline(make_run("old", shares(20, 10), **stored("sae", decoder)))
    kept = decode_direction(baseline.features[7].decoder)
    np.testing.assert_allclose(kept, decoder[7] / np.linalg.norm(decoder[7]), atol=1e-3)


def test_the_gate_finds_the_features_of_a_retrained_sae(make_run, decoder, shares, stored):
    baseline = make_baseline(make_run("old", shares(20, 10), **stored("one", decoder)))
    retrained = make_run("new", shares(20, 9), **stored("two", decoder * 1.01))
    assert retrained.read_manifest().sae.sha256 != baseline.sae.sha256
    result = compare(retrained, baseline)
    assert (result.paired, result.n) == (True, 20)
    assert (
        baseline.sae.sha256
        != make_run("again", shares(20, 9), **stored("three", decoder * 1.02)).read_manifest().sae.sha256
    )


def test_an_sae_that_moved_or_changed_is_refused(make_run, decoder, shares, stored):
    where = stored("sae", decoder)
    with pytest.raises(UsageError, match="not there any more"):
        make_baseline(make_run("moved", shares(5, 2), **where | {"path": where["path"] + "x"}))
    with pytest.raises(MismatchError, match="replaced since the run"):
        make_baseline(make_run("changed", shares(5, 2), **where | {"sae": "b" * 64}))


def test_the_sae_of_a_moved_run_is_found_beside_it(make_run, decoder, shares, stored):
    where = stored("sae", decoder)
    run = make_run("moved", shares(5, 2), **where | {"path": "runs/elsewhere/sae"})
    Path(where["path"]).rename(run.path / "sae")
    assert make_baseline(run).features[0].decoder


def test_what_is_no_sae_is_refused(make_run, shares, tmp_path):
    (tmp_path / "sae").mkdir()
    with pytest.raises(UsageError, match="can't be read"):
        make_baseline(make_run("run", shares(5, 2), path=str(tmp_path / "sae")))


def test_the_same_sae_need_not_be_there(make_run, decoder, shares):
    baseline = make_baseline(make_run("old", shares(20, 10)), decoder)
    assert compare(make_run("new", shares(20, 10), path="nowhere"), baseline).paired
