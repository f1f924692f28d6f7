"""SAE files that claim more than they hold: refused at once, whatever they claim."""

from __future__ import annotations

import json
import struct
import zipfile
from pathlib import Path

import pytest
import torch

import sae

N_BYTES = 2**28


def an_sae(folder: Path) -> Path:
    """A small SAE as a SAELens folder; its weights."""
    weights = torch.ones(4, 8)
    config = sae.SAEConfig("standard", 4, 8)
    model = sae.SAE(config, W_enc=weights, b_enc=torch.zeros(8), W_dec=weights.T.clone(), b_dec=torch.zeros(4))
    sae.save(model, folder)
    return folder / "sae_weights.safetensors"


def header_of(file: Path) -> tuple[dict[str, dict], bytes]:
    content = file.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def write(file: Path, header: dict[str, dict], data: bytes, *, length: int | None = None) -> None:
    text = json.dumps(header).encode()
    file.write_bytes(struct.pack("<Q", len(text) if length is None else length) + text + data)


@pytest.mark.parametrize("length", [0, 1, 10**6, 2**40, 2**63, 2**64 - 1])
def test_a_header_that_lies_about_its_own_length(tmp_path: Path, length: int) -> None:
    file = an_sae(tmp_path)
    write(file, *header_of(file), length=length)
    with pytest.raises(sae.SAEError, match=r"sae_weights\.safetensors"):
        sae.load(tmp_path)


@pytest.mark.parametrize(
    "lie",
    [
        {"shape": [2**31, 2**31]},
        {"shape": [4, 2**40], "data_offsets": [0, 2**44]},
        {"shape": [-4, 8]},
        {"shape": [2**64, 2**64]},
        {"dtype": "F64"},
        {"dtype": "F1024"},
        {"data_offsets": [0, 10**12]},
        {"data_offsets": [64, 0]},
        {"data_offsets": [-128, 0]},
    ],
)
def test_a_header_that_lies_about_a_tensor(tmp_path: Path, lie: dict[str, object]) -> None:
    file = an_sae(tmp_path)
    header, data = header_of(file)
    header["W_enc"] |= lie
    write(file, header, data)
    with pytest.raises(sae.SAEError, match=r"sae_weights\.safetensors"):
        sae.load(tmp_path)


def test_tensors_that_share_their_bytes(tmp_path: Path) -> None:
    file = an_sae(tmp_path)
    header, data = header_of(file)
    header["W_dec"]["data_offsets"] = header["W_enc"]["data_offsets"]
    write(file, header, data)
    with pytest.raises(sae.SAEError, match=r"sae_weights\.safetensors"):
        sae.load(tmp_path)


def test_an_archive_that_unpacks_to_more_than_it_is(tmp_path: Path) -> None:
    honest, bomb = tmp_path / "honest.pth", tmp_path / "bomb.pth"
    weights = torch.zeros(4, 8)
    state = {"W_enc": weights, "b_enc": torch.zeros(8), "W_dec": weights.T.clone(), "b_dec": torch.zeros(4)}
    torch.save(state, honest)
    sae.load(honest)
    with zipfile.ZipFile(honest) as source, zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            target.writestr(name, b"\x00" * N_BYTES if name.endswith("data/0") else source.read(name))
    assert bomb.stat().st_size < N_BYTES / 100
    with pytest.raises(sae.SAEError, match=r"bomb\.pth.*unpacks to more bytes than the file has"):
        sae.load(bomb)
