"""Files that are broken, cut short, hostile or lie: every foreign format refuses them, and runs nothing."""

from __future__ import annotations

import json
import os
import pickle
from random import Random

import pytest
import torch
from safetensors.torch import load_file, save_file

import sae

D, M = 6, 20
LINEAR = {"encoder.weight": (M, D), "decoder.weight": (D, M)}


def random_tensors(**shapes):
    random = torch.Generator().manual_seed(0)
    return {name: torch.randn(shape, generator=random) for name, shape in shapes.items()}


# Each writes a small SAE into a folder, and returns what to load, where the weights are, and the encoder's name there.


def write_dictionary(folder):
    trainer = {"dict_class": "AutoEncoder", "activation_dim": D, "dict_size": M}
    (folder / "config.json").write_text(json.dumps({"trainer": trainer}))
    torch.save(random_tensors(**LINEAR, **{"bias": (D,), "encoder.bias": (M,)}), folder / "ae.pt")
    return folder, folder / "ae.pt", "encoder.weight"


def write_sparsify(folder):
    (folder / "cfg.json").write_text(json.dumps({"d_in": D, "num_latents": M, "k": 3}))
    tensors = random_tensors(**{"encoder.weight": (M, D), "encoder.bias": (M,), "W_dec": (M, D), "b_dec": (D,)})
    save_file(tensors, folder / "sae.safetensors")
    return folder, folder / "sae.safetensors", "encoder.weight"


def write_openai(folder):
    settings = {"activation": "TopK", "activation_state_dict": {"k": 3, "postact_fn": "ReLU"}}
    torch.save({**random_tensors(**LINEAR, pre_bias=(D,), latent_bias=(M,)), **settings}, folder / "6.pt")
    return folder / "6.pt", folder / "6.pt", "encoder.weight"


def write_study(folder):
    torch.save(random_tensors(W_enc=(D, M), b_enc=(M,), W_dec=(M, D), b_dec=(D,)), folder / "study.pth")
    return folder / "study.pth", folder / "study.pth", "W_enc"


WRITERS = [write_dictionary, write_sparsify, write_openai, write_study]


def change(weights, name, tensor):
    if weights.suffix == ".safetensors":
        save_file({**load_file(weights), name: tensor}, weights)
    else:
        torch.save({**torch.load(weights, weights_only=True), name: tensor}, weights)


@pytest.mark.parametrize("write", WRITERS)
def test_weights_that_can_not_be_used(tmp_path, write):
    place, weights, name = write(tmp_path)
    sae.load(place)
    n_rows = 2 if name == "W_enc" else 3
    broken = torch.full((M, D), float("nan"))
    broken = broken.T.contiguous() if name == "W_enc" else broken
    for tensor, message in (
        (broken, "holds NaN"),
        (torch.ones(n_rows, n_rows), "W_enc must have shape"),
        (torch.ones(5), "W_enc must have shape"),
        (broken.to(torch.int64), "int64"),
    ):
        change(weights, name, tensor)
        with pytest.raises(sae.SAEError, match=message) as caught:
            sae.load(place)
        assert weights.name in str(caught.value)


@pytest.mark.parametrize("write", WRITERS)
def test_files_that_are_cut_short_or_nonsense(tmp_path, write):
    place, weights, _ = write(tmp_path)
    whole = weights.read_bytes()
    for content in (
        b"",
        b"{",
        b"nonsense",
        b"\x80\x02}.",
        *(whole[: len(whole) * part // 16] for part in range(1, 16)),
    ):
        weights.write_bytes(content)
        with pytest.raises(sae.SAEError, match=weights.name):
            sae.load(place)


@pytest.mark.parametrize("write", WRITERS)
def test_damaged_bytes_end_in_a_message_or_in_numbers(tmp_path, write):
    place, weights, _ = write(tmp_path)
    contents = [weights.read_bytes()]
    if weights.suffix != ".safetensors":  # the pickle of older torch files lies open, not in a zip archive
        state = torch.load(weights, weights_only=True)
        torch.save(state, weights, _use_new_zipfile_serialization=False)
        contents.append(weights.read_bytes())
    random = Random(0)
    n_refused = 0
    for content in contents * 60:
        damaged = bytearray(content)
        damaged[random.randrange(900)] = random.randrange(256)
        weights.write_bytes(damaged)
        try:
            sae.load(place)
        except sae.SAEError:
            n_refused += 1
    assert n_refused > 10


class Payload:
    """Runs a command when unpickled."""

    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return os.mkdir, (str(self.target),)


@pytest.mark.parametrize("save", [torch.save, lambda content, path: path.write_bytes(pickle.dumps(content))])
@pytest.mark.parametrize("write", WRITERS)
def test_code_in_a_file_is_never_run(tmp_path, write, save):
    place, weights, name = write(tmp_path)
    payload = Payload(tmp_path / "owned")
    for content in ({name: payload}, payload, [payload]):
        save(content, weights)
        with pytest.raises(sae.SAEError, match=r"holds more than tensors \(|can't be read as saf") as caught:
            sae.load(place)
        assert "weights_only" not in str(caught.value)  # torch's message tells how to open it all the same
    assert not (tmp_path / "owned").exists()


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
@pytest.mark.parametrize("write", [write_dictionary, write_openai, write_study])
def test_a_tensor_that_only_claims_its_size(tmp_path, write):
    place, weights, name = write(tmp_path)
    huge = torch.zeros(1).expand(2**20, 2**20)  # 4 TiB on one number
    nested = torch.nested.nested_tensor([torch.ones(2), torch.ones(3)], layout=torch.strided)
    for tensor in (huge, torch.ones(M, D).to_sparse(), torch.empty(M, D, device="meta"), nested):
        change(weights, name, tensor)
        with pytest.raises(sae.SAEError, match=f"tensor {name} claims more numbers than the file holds"):
            sae.load(place)


@pytest.mark.parametrize("write", WRITERS)
def test_pipes_are_not_waited_for(tmp_path, write):
    place, weights, _ = write(tmp_path)
    for file in (weights, *tmp_path.glob("*.json")):
        content = file.read_bytes()
        file.unlink()
        os.mkfifo(file)
        with pytest.raises(sae.SAEError, match=r"is not a regular file|is no SAE in a known format"):
            sae.load(place)
        file.unlink()
        file.write_bytes(content)
    sae.load(place)


@pytest.mark.parametrize(("write", "config"), [(write_dictionary, "config.json"), (write_sparsify, "cfg.json")])
def test_broken_configs(tmp_path, write, config):
    place, _, _ = write(tmp_path)
    for content in (b"", b"{", b"[1]", b"null", b"\xff\xfe\x00", b"[" * 100_000):
        (place / config).write_bytes(content)
        with pytest.raises(sae.SAEError, match=config):
            sae.load(place)
    (place / config).unlink()
    with pytest.raises(sae.SAEError, match=f"{config} is missing"):
        sae.load(place)
