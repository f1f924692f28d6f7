"""The logit lens of a direction is what the plain model's final norm and unembedding make of it."""

from __future__ import annotations

import pytest
import torch
from transformers import AutoModelForCausalLM

from autointerp.errors import UsageError
from autointerp.subject import load_subject

NORMS = {"gpt2": "ln_f", "neox": "final_layer_norm", "llama": "norm"}
HOOK_POINT = "blocks.1.hook_resid_post"


def plain_lens(folder, architecture: str, directions: torch.Tensor) -> torch.Tensor:
    model = AutoModelForCausalLM.from_pretrained(folder).eval()
    norm, head = getattr(model.base_model, NORMS[architecture]), model.get_output_embeddings()
    with torch.no_grad():
        logits = head(norm(directions)) - head(norm(torch.zeros_like(directions)))
    return logits - logits.mean(dim=-1, keepdim=True)


@pytest.mark.parametrize("architecture", NORMS)
def test_it_is_that_of_the_plain_model(architecture, model_folder):
    folder = model_folder(architecture)
    subject = load_subject(str(folder), hook_point=HOOK_POINT)
    directions = torch.randn(5, subject.d_model, generator=torch.Generator().manual_seed(0))
    found = subject.direction_logits(directions)
    assert found.shape == (5, subject.d_vocab)
    torch.testing.assert_close(found, plain_lens(folder, architecture, directions), atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(subject.direction_logits(7 * directions), found, atol=1e-2, rtol=1e-2)


def test_folded_weights_say_the_same(model_folder):
    folder = model_folder("gpt2")
    raw = load_subject(str(folder), hook_point=HOOK_POINT)
    folded = load_subject(str(folder), hook_point=HOOK_POINT, weight_processing="compatibility")
    directions = torch.randn(3, raw.d_model, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(
        folded.direction_logits(directions), raw.direction_logits(directions), atol=1e-3, rtol=1e-2
    )


def test_directions_elsewhere_have_no_logits(model_folder):
    for architecture, hook_point, why in (
        ("gpt2", "blocks.1.attn.hook_z", "does not write to the residual stream"),
        ("bert", HOOK_POINT, "no next-token logits"),
    ):
        subject = load_subject(str(model_folder(architecture)), hook_point=hook_point)
        with pytest.raises(UsageError, match=why):
            subject.direction_logits(torch.zeros(1, subject.d_model))
