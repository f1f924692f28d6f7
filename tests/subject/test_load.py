"""What can go wrong while loading is said in one sentence, in seconds, and leaves the process as it was."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path

import pytest
import torch

from autointerp.errors import UsageError
from autointerp.subject import load_subject

HOOK = "blocks.1.hook_resid_pre"


@pytest.fixture
def copy(model_folder, tmp_path) -> Path:
    """A copy of the tiny GPT-2 that a test may break."""
    return shutil.copytree(model_folder("gpt2"), tmp_path / "model")


def refusal(name: object, **options: object) -> str:
    with pytest.raises(UsageError) as caught:
        load_subject(str(name), **{"hook_point": HOOK, **options})
    message = str(caught.value)
    assert "Traceback" not in message
    assert len(message) < 700
    return message


def test_nothing_is_left_behind_and_nothing_is_said(model_folder, capfd):
    folder = model_folder("llama")
    capfd.readouterr()  # making the folder prints
    before = logging.root.manager.disable, logging.root.handlers[:]
    subject = load_subject(str(folder), hook_point=HOOK)
    assert (logging.root.manager.disable, logging.root.handlers[:]) == before
    assert capfd.readouterr() == ("", "")
    assert (subject.kind, subject.d_model, subject.d_vocab, subject.max_context) == ("decoder", 32, 320, 32)
    assert (subject.hook_point, subject.weight_processing, subject.n_layers) == (HOOK, "raw", 3)
    assert subject.device.type == "cpu"


def test_the_fingerprint_is_of_config_and_weights(copy, model_folder):
    one = load_subject(str(copy), hook_point=HOOK).fingerprint
    assert one == load_subject(str(model_folder("gpt2")), hook_point=HOOK).fingerprint
    assert one.startswith("sha256:")
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(config | {"layer_norm_epsilon": 1e-4}))
    assert load_subject(str(copy), hook_point=HOOK).fingerprint != one
    assert load_subject(str(model_folder("llama")), hook_point=HOOK).fingerprint != one


@pytest.mark.parametrize("name", ["/no/such/folder", "./nothing", "a/b/c", "no such name"])
def test_a_folder_that_is_not_there(name):
    assert "no such folder. Give 'bundled'" in refusal(name)


def test_threads_are_set(model_folder):
    before = torch.get_num_threads()
    try:
        load_subject(str(model_folder("gpt2")), hook_point=HOOK, threads=1)
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


def test_a_hub_name_without_network():
    message = refusal("nobody/nothing-of-this-name")
    assert "Check the name and the network" in message
    assert "local folder" in message


def test_short_names_of_transformer_lens_mean_the_hub_names(monkeypatch, model_folder):
    import huggingface_hub

    asked: list[str] = []

    def snapshot(name, **options):
        asked.append(name)
        return str(model_folder("gpt2"))

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot)
    subject = load_subject("gpt2-small", hook_point=HOOK)
    assert asked == ["gpt2"]
    assert subject.name == "gpt2-small"
    assert subject.fingerprint == f"gpt2-small@{model_folder('gpt2').name}"


def test_a_folder_without_config(copy):
    (copy / "config.json").unlink()
    assert "config.json is missing" in refusal(copy)


def test_a_broken_config(copy):
    (copy / "config.json").write_text("{")
    assert "config.json is not one that transformers can load" in refusal(copy)


def test_an_architecture_that_nobody_knows(copy):
    (copy / "config.json").write_text(json.dumps({"model_type": "abacus", "architectures": ["AbacusForCausalLM"]}))
    assert "config.json is not one" in refusal(copy)


def test_an_architecture_that_is_no_language_model(copy):
    (copy / "config.json").write_text(json.dumps({"model_type": "t5", "architectures": ["T5ForConditionalGeneration"]}))
    assert "T5ForConditionalGeneration is neither" in refusal(copy)


def test_an_architecture_that_transformer_lens_does_not_take(copy):
    (copy / "config.json").write_text(json.dumps({"model_type": "ctrl", "architectures": ["CTRLLMHeadModel"]}))
    assert "transformer_lens can't load it" in refusal(copy)


def test_no_weights(copy):
    (copy / "model.safetensors").unlink()
    assert "model.safetensors is missing" in refusal(copy)


def test_a_shard_that_is_missing(copy):
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model.safetensors"}}
    (copy / "model.safetensors.index.json").write_text(json.dumps(index))
    assert "model-00001-of-00002.safetensors is missing" in refusal(copy)


def test_truncated_weights(copy):
    weights = copy / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    assert "transformer_lens can't load it" in refusal(copy)


def test_weights_that_lack_a_tensor_are_not_filled_with_random_numbers(copy):
    from safetensors.torch import load_file, save_file

    tensors = load_file(copy / "model.safetensors")
    del tensors["transformer.h.1.mlp.c_fc.weight"]
    save_file(tensors, copy / "model.safetensors", metadata={"format": "pt"})
    assert "transformer.h.1.mlp.c_fc.weight" in refusal(copy)


def test_an_encoder_saved_without_its_head_is_fine(model_folder, tmp_path, token_batch):
    from transformers import BertModel

    folder = shutil.copytree(model_folder("bert"), tmp_path / "bert")
    BertModel.from_pretrained(folder, add_pooling_layer=False).save_pretrained(folder)
    headless = load_subject(str(folder), hook_point=HOOK)
    whole = load_subject(str(model_folder("bert")), hook_point=HOOK)
    assert headless.residuals(token_batch).equal(whole.residuals(token_batch))


def test_an_encoder_without_padding_token(model_folder, tmp_path):
    folder = shutil.copytree(model_folder("bert"), tmp_path / "bert")
    config = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps(config | {"pad_token": "[SEP]"}))
    assert "padding token of its own" in refusal(folder)


def test_no_tokenizer(copy):
    (copy / "tokenizer.json").unlink()
    assert "tokenizer can't be loaded" in refusal(copy)


@pytest.mark.parametrize(
    ("hook_point", "expected"),
    [
        ("blocks.1.hook_resid_pst", "Close to it: blocks.1.hook_resid_post"),
        ("blocks.3.hook_resid_pre", "Close to it: blocks."),
        ("blocks.1.attn.hook_pattern", "not one vector a token"),
        ("blocks.1.attn.hook_result", "can't be read"),
    ],
)
def test_hook_points_that_can_not_be_read(hook_point, expected, model_folder):
    message = refusal(model_folder("gpt2"), hook_point=hook_point)
    assert hook_point in message
    assert expected in message


def test_wrong_options(model_folder):
    folder = model_folder("gpt2")
    assert "'folded'" in refusal(folder, weight_processing="folded")
    assert "device 'gpu' does not work" in refusal(folder, device="gpu")
    assert "at least 1" in refusal(folder, threads=0)


def test_the_bundled_model_loads_when_it_is_installed():
    subject = load_subject("bundled", hook_point=HOOK)
    assert subject.kind == "decoder"
    assert subject.bos_id is not None
    assert subject.bos_id != subject.pad_id
