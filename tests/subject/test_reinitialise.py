"""A model drawn anew computes something else, from matrices of the same norms, and the same for the same seed."""

from __future__ import annotations

import pytest
import torch

from autointerp.subject import load_subject, reinitialise

HOOK = "blocks.1.hook_resid_post"


@pytest.mark.parametrize(
    ("architecture", "processing"), [("gpt2", "raw"), ("gpt2", "compatibility"), ("llama", "raw"), ("bert", "raw")]
)
def test_every_matrix_is_drawn_anew(model_folder, token_batch, architecture: str, processing: str) -> None:
    def drawn(seed: int | None):
        subject = load_subject(str(model_folder(architecture)), hook_point=HOOK, weight_processing=processing)
        before = [weight.clone() for weight in subject.weights()], subject.fingerprint
        if seed is not None:
            reinitialise(subject, seed=seed)
        return subject, *before

    real, _, _ = drawn(None)
    subject, weights, fingerprint = drawn(0)
    for old, new in zip(weights, subject.weights(), strict=True):
        torch.testing.assert_close(new.norm(), old.norm(), rtol=1e-4, atol=1e-6)
        assert torch.equal(old, new) == (old.ndim < 2)
    changed = subject.residuals(token_batch)
    cosine = torch.cosine_similarity(changed, real.residuals(token_batch), dim=-1).abs().mean()
    assert float(cosine) < 0.5
    assert torch.equal(changed, drawn(0)[0].residuals(token_batch))
    assert not torch.equal(changed, drawn(1)[0].residuals(token_batch))
    assert subject.fingerprint != fingerprint
