"""Residuals and logits are those of the plain Hugging Face model, at the hook point and nowhere else."""

from __future__ import annotations

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoModelForMaskedLM

from autointerp.errors import UsageError
from autointerp.subject import load_subject

LAYERS = 3
DECODERS = ["gpt2", "neox", "llama"]


def plain_forward(folder, tokens, auto=AutoModelForCausalLM, **options):
    """Hidden states (those entering each block), what leaves the last block, and logits of the plain model."""
    model = auto.from_pretrained(folder, attn_implementation="eager").eval()
    body = model.base_model
    blocks = body.encoder.layer if hasattr(body, "encoder") else getattr(body, "h", None) or body.layers
    last: list[torch.Tensor] = []
    blocks[-1].register_forward_hook(
        lambda module, inputs, output: last.append(output[0] if isinstance(output, tuple) else output)
    )
    with torch.no_grad():
        output = model(tokens, output_hidden_states=True, **options)
    return output.hidden_states, last[0], output.logits


@pytest.mark.parametrize("architecture", [*DECODERS, "bert"])
def test_residuals_equal_the_plain_model(architecture, model_folder, token_batch):
    folder = model_folder(architecture)
    auto = AutoModelForMaskedLM if architecture == "bert" else AutoModelForCausalLM
    states, last, _ = plain_forward(folder, token_batch, auto)
    for hook_point, expected in [
        ("blocks.0.hook_resid_pre", states[0]),
        ("blocks.1.hook_resid_pre", states[1]),
        ("blocks.1.hook_resid_post", states[2]),
        (f"blocks.{LAYERS - 1}.hook_resid_post", last),
    ]:
        found = load_subject(str(folder), hook_point=hook_point).residuals(token_batch)
        torch.testing.assert_close(
            found, expected, atol=1e-5, rtol=0, msg=lambda text, hook=hook_point: f"{hook}: {text}"
        )


@pytest.mark.parametrize("architecture", DECODERS)
def test_logits_equal_the_plain_model(architecture, model_folder, token_batch):
    folder = model_folder(architecture)
    subject = load_subject(str(folder), hook_point="blocks.1.hook_resid_pre")
    _, _, expected = plain_forward(folder, token_batch)
    subject.residuals(token_batch)  # a forward pass left half way leaves nothing behind
    torch.testing.assert_close(subject.logits(token_batch), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("hook_point", "width"),
    [
        ("blocks.1.hook_resid_mid", 32),
        ("blocks.1.hook_mlp_out", 32),
        ("blocks.1.hook_attn_out", 32),
        ("blocks.1.attn.hook_z", 32),
        ("blocks.1.mlp.hook_post", 128),
        ("hook_embed", 32),
    ],
)
def test_other_hook_points(hook_point, width, model_folder, token_batch):
    subject = load_subject(str(model_folder("gpt2")), hook_point=hook_point)
    assert subject.d_model == width
    residuals = subject.residuals(token_batch)
    assert residuals.shape == (3, 12, width)
    assert not torch.equal(subject.logits(token_batch, torch.zeros_like), subject.logits(token_batch))


def test_resid_mid_is_resid_pre_plus_attention(model_folder, token_batch):
    pre, attn, mid = (
        load_subject(str(model_folder("gpt2")), hook_point=f"blocks.1.{name}").residuals(token_batch)
        for name in ("hook_resid_pre", "hook_attn_out", "hook_resid_mid")
    )
    torch.testing.assert_close(mid, pre + attn, atol=1e-5, rtol=0)


@pytest.mark.parametrize("hook_point", ["blocks.1.hook_resid_pre", "blocks.2.hook_resid_post", "blocks.1.attn.hook_z"])
@pytest.mark.parametrize("architecture", DECODERS)
def test_patches_identity_and_zero(architecture, hook_point, model_folder, token_batch):
    subject = load_subject(str(model_folder(architecture)), hook_point=hook_point)
    clean = subject.logits(token_batch)
    seen: list[torch.Tensor] = []

    def identity(activation):
        seen.append(activation)
        return activation.clone()

    torch.testing.assert_close(subject.logits(token_batch, identity), clean, atol=1e-6, rtol=0)
    torch.testing.assert_close(seen[0], subject.residuals(token_batch), atol=1e-6, rtol=0)
    assert (subject.logits(token_batch, torch.zeros_like) - clean).abs().max() > 1e-3
    assert torch.equal(subject.logits(token_batch), clean)  # patches do not stay


@pytest.mark.parametrize("architecture", [*DECODERS, "bert"])
def test_a_window_does_not_depend_on_its_neighbours(architecture, model_folder, token_batch):
    subject = load_subject(str(model_folder(architecture)), hook_point="blocks.1.hook_resid_post")
    alone = token_batch.clone()
    alone[1:] = subject.pad_id
    assert torch.equal(subject.residuals(token_batch)[0], subject.residuals(alone)[0])


@pytest.mark.parametrize("architecture", [*DECODERS, "bert"])
def test_padding_on_the_right_changes_nothing(architecture, model_folder, token_batch):
    subject = load_subject(str(model_folder(architecture)), hook_point="blocks.2.hook_resid_post")
    padded = torch.nn.functional.pad(token_batch, (0, 5), value=subject.pad_id)
    torch.testing.assert_close(subject.residuals(padded)[:, :12], subject.residuals(token_batch), atol=1e-5, rtol=0)


def test_residuals_carry_no_graph_and_can_be_trained_on(model_folder, token_batch):
    residuals = load_subject(str(model_folder("llama")), hook_point="blocks.1.hook_resid_pre").residuals(token_batch)
    assert not residuals.requires_grad
    weight = torch.ones(32, requires_grad=True)
    (residuals * weight).sum().backward()
    assert weight.grad is not None


def test_compatibility_mode_changes_residuals_and_not_predictions(model_folder, token_batch):
    folder = str(model_folder("gpt2"))
    raw = load_subject(folder, hook_point="blocks.1.hook_resid_post")
    folded = load_subject(folder, hook_point="blocks.1.hook_resid_post", weight_processing="compatibility")
    a, b = raw.residuals(token_batch), folded.residuals(token_batch)
    assert (a - b).norm() / a.norm() > 0.01
    torch.testing.assert_close(a - a.mean(-1, keepdim=True), b, atol=1e-4, rtol=0)  # only the mean went
    torch.testing.assert_close(
        raw.logits(token_batch).log_softmax(-1), folded.logits(token_batch).log_softmax(-1), atol=1e-4, rtol=0
    )


def test_compatibility_mode_that_can_not_work_is_refused(model_folder, monkeypatch):
    from transformer_lens.model_bridge import TransformerBridge

    def damage(bridge, **_):
        with torch.no_grad():
            for parameter in bridge.original_model.parameters():
                parameter.mul_(1.5)

    monkeypatch.setattr(TransformerBridge, "enable_compatibility_mode", damage)
    with pytest.raises(UsageError, match=r"log-probabilities by .* nats. Use weight_processing='raw'"):
        load_subject(str(model_folder("gpt2")), hook_point="blocks.1.hook_resid_pre", weight_processing="compatibility")


def test_encoders_have_residuals_and_no_logits(model_folder, token_batch):
    subject = load_subject(str(model_folder("bert")), hook_point="blocks.1.hook_resid_post")
    assert subject.kind == "encoder"
    with pytest.raises(UsageError, match="encoder has no next-token logits"):
        subject.logits(token_batch)


def test_windows_that_do_not_fit_are_refused(model_folder, token_batch):
    subject = load_subject(str(model_folder("gpt2")), hook_point="blocks.1.hook_resid_pre")
    for call in (subject.residuals, subject.logits):
        with pytest.raises(UsageError, match="33 tokens is longer than the 32"):
            call(torch.zeros(1, 33, dtype=torch.long))
        with pytest.raises(UsageError, match="token id 320 is outside its vocabulary of 320"):
            call(torch.tensor([[1, 320]]))
        with pytest.raises(UsageError, match="token id -1 "):
            call(torch.tensor([[-1, 5]]))
        with pytest.raises(UsageError, match="integer tensor"):
            call(token_batch.float())
        with pytest.raises(UsageError, match="integer tensor"):
            call(token_batch[0])
