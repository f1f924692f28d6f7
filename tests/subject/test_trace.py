"""One forward pass read and patched at several hook points says what single reads and patches say."""

from __future__ import annotations

import pytest
import torch

from autointerp.errors import UsageError
from autointerp.subject import load_subject

HOOKS = ("blocks.0.hook_resid_post", "blocks.1.attn.hook_z", "blocks.1.hook_resid_post", "blocks.2.hook_resid_post")


@pytest.mark.parametrize("architecture", ["gpt2", "neox", "llama"])
def test_a_trace_reads_what_the_single_reads_do(architecture, model_folder, token_batch):
    subject = load_subject(str(model_folder(architecture)), hook_point=HOOKS[0])
    trace = subject.trace(token_batch, read=HOOKS)
    assert list(trace.activations) == list(HOOKS)
    for hook in HOOKS:
        torch.testing.assert_close(trace.activations[hook], subject.at(hook).residuals(token_batch), atol=1e-6, rtol=0)
    torch.testing.assert_close(trace.logits, subject.logits(token_batch), atol=1e-6, rtol=0)


def test_a_patch_is_seen_after_it_and_not_before(model_folder, token_batch):
    subject = load_subject(str(model_folder("llama")), hook_point=HOOKS[2])
    clean = subject.trace(token_batch, read=HOOKS)
    patched = subject.trace(token_batch, read=HOOKS, patches={HOOKS[2]: lambda x: 2 * x})
    for hook in HOOKS[:3]:  # at the patched hook point: what arrived there
        assert torch.equal(patched.activations[hook], clean.activations[hook])
    assert not torch.allclose(patched.activations[HOOKS[3]], clean.activations[HOOKS[3]])
    assert torch.equal(patched.logits, subject.logits(token_batch, lambda x: 2 * x))


def test_a_later_patch_sees_what_an_earlier_one_did(model_folder, token_batch):
    subject = load_subject(str(model_folder("gpt2")), hook_point=HOOKS[0])
    only_first = subject.trace(token_batch, read=HOOKS, patches={HOOKS[0]: torch.zeros_like})
    arrived: list[torch.Tensor] = []

    def keep(x):
        arrived.append(x)
        return torch.zeros_like(x)

    both = subject.trace(token_batch, patches={HOOKS[0]: torch.zeros_like, HOOKS[2]: keep})
    assert torch.equal(arrived[0], only_first.activations[HOOKS[2]])
    only_second = subject.trace(token_batch, patches={HOOKS[2]: torch.zeros_like})
    torch.testing.assert_close(both.logits, only_second.logits, atol=1e-6, rtol=0)  # nothing of the first is left
    assert torch.equal(subject.trace(token_batch).logits, subject.logits(token_batch))  # patches do not stay


def test_an_encoder_is_traced_without_logits(model_folder, token_batch):
    subject = load_subject(str(model_folder("bert")), hook_point=HOOKS[0])
    trace = subject.trace(token_batch, read=HOOKS[:1])
    assert trace.logits is None
    torch.testing.assert_close(trace.activations[HOOKS[0]], subject.residuals(token_batch), atol=1e-6, rtol=0)
    assert subject.unembedding() is None


def test_unknown_hook_points_are_named(model_folder, token_batch):
    subject = load_subject(str(model_folder("gpt2")), hook_point=HOOKS[0])
    with pytest.raises(UsageError, match=r"no hook point 'blocks.9.hook_resid_post'. Close to it: blocks"):
        subject.trace(token_batch, read=["blocks.9.hook_resid_post"])
    with pytest.raises(UsageError, match="no hook point 'nowhere'"):
        subject.trace(token_batch, patches={"nowhere": torch.zeros_like})


@pytest.mark.parametrize("architecture", ["gpt2", "neox", "llama"])
def test_the_unembedding_turns_a_change_of_the_normalised_residual_into_one_of_logits(
    architecture, model_folder, token_batch
):
    subject = load_subject(str(model_folder(architecture)), hook_point=HOOKS[0])
    direction = torch.randn(subject.d_model, generator=torch.Generator().manual_seed(0))
    moved = subject.trace(token_batch, patches={"ln_final.hook_out": lambda x: x + direction})
    change = (moved.logits - subject.logits(token_batch))[0, 0]
    torch.testing.assert_close(change, direction @ subject.unembedding(), atol=1e-4, rtol=0)
