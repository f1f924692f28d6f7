"""The same loader under transformer_lens 3.9, the last that sae_lens can be installed with.

Runs in an environment that has that version, and needs no more of this folder than its conftest.
"""

from __future__ import annotations

from importlib import metadata

import pytest
import torch

from autointerp.subject import load_subject

VERSION = metadata.version("transformer_lens")
pytestmark = [
    pytest.mark.tl3,
    pytest.mark.skipif(not VERSION.startswith("3."), reason=f"transformer_lens {VERSION} is installed, not 3.x"),
]


@pytest.mark.parametrize("architecture", ["gpt2", "neox", "llama", "bert"])
def test_residuals_and_logits(architecture, model_folder, token_batch):
    from transformers import AutoModelForCausalLM, AutoModelForMaskedLM

    folder = model_folder(architecture)
    auto = AutoModelForMaskedLM if architecture == "bert" else AutoModelForCausalLM
    plain = auto.from_pretrained(folder, attn_implementation="eager").eval()
    with torch.no_grad():
        expected = plain(token_batch, output_hidden_states=True)
    for hook_point, state in [("blocks.1.hook_resid_pre", 1), ("blocks.1.hook_resid_post", 2)]:
        subject = load_subject(str(folder), hook_point=hook_point)
        torch.testing.assert_close(subject.residuals(token_batch), expected.hidden_states[state], atol=1e-5, rtol=0)
        if architecture != "bert":
            torch.testing.assert_close(subject.logits(token_batch), expected.logits, atol=1e-5, rtol=0)
            assert not torch.equal(subject.logits(token_batch, torch.zeros_like), subject.logits(token_batch))


def test_compatibility_weights(model_folder, token_batch):
    folder = str(model_folder("gpt2"))
    raw = load_subject(folder, hook_point="blocks.1.hook_resid_post")
    folded = load_subject(folder, hook_point="blocks.1.hook_resid_post", weight_processing="compatibility")
    a, b = raw.residuals(token_batch), folded.residuals(token_batch)
    torch.testing.assert_close(a - a.mean(-1, keepdim=True), b, atol=1e-4, rtol=0)
    assert (a - b).norm() / a.norm() > 0.01
