"""EleutherAI sparsify's folder of one hook point: ``cfg.json`` and ``sae.safetensors``.

The folder is named after a module of the model (``layers.10``, ``h.3.mlp``; with several seeds it holds ``seed0`` and
so on). Model, data set and context length stand only in the run's ``config.json``, one folder up.
"""

from __future__ import annotations

import re
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from sae._config import SAEConfig, SAEMetadata
from sae._errors import SAEError
from sae._model import SAE
from sae.architectures import build
from sae.formats._format import Format
from sae.formats._read import check_tensors, dtype_name, naming, read_json, read_safetensors

CONFIG_FILE = "cfg.json"
WEIGHTS_FILE = "sae.safetensors"
RUN_CONFIG_FILE = "config.json"

_NAMES = {"W_enc": "encoder.weight", "b_enc": "encoder.bias", "W_dec": "W_dec", "b_dec": "b_dec"}
_SEED_FOLDER = re.compile(r"seed\d+")
_MODULE = re.compile(r"(?:\w+\.)*?(?:h|layers|blocks)\.(?P<layer>\d+)(?:\.(?P<part>mlp|attn|self_attn|attention))?")


class _Config(BaseModel):
    """The coder's config; other keys only concern its training."""

    model_config = ConfigDict(extra="allow")

    d_in: int = Field(gt=0)
    activation: str = "topk"
    expansion_factor: int = Field(default=32, gt=0)
    num_latents: int = Field(default=0, ge=0)
    k: int = Field(default=32, gt=0)
    skip_connection: bool = False
    transcode: bool = False
    signed: bool = False


class _RunConfig(BaseModel):
    """What the run's config says about the activations."""

    model_config = ConfigDict(protected_namespaces=())

    model: str | None = None
    dataset: str | None = None
    ctx_len: int | None = None


def load(path: Path) -> SAE:
    """Read the folder of one hook point.

    Args:
        path: The folder.

    Returns:
        The SAE, on the CPU; a TopK SAE.

    Raises:
        SAEError: A file is missing or broken, they contradict each other, or it is no SAE that can be computed here.
    """
    config = read_json(path / CONFIG_FILE, _Config)
    with naming(path / CONFIG_FILE):
        _check_representable(config)
    tensors = read_safetensors(path / WEIGHTS_FILE)
    with naming(path / WEIGHTS_FILE):
        check_tensors(tensors, _NAMES.values())
        weights = {ours: tensors[theirs] for ours, theirs in _NAMES.items()}
        if weights["W_enc"].ndim == 2:  # any other number of dimensions is refused below, by its shape
            weights["W_enc"] = weights["W_enc"].T  # [d_sae, d_in] -> [d_in, d_sae]; W_dec is [d_sae, d_in] already
        cfg = SAEConfig(
            architecture="topk",
            d_in=config.d_in,
            d_sae=config.num_latents or config.d_in * config.expansion_factor,
            dtype=dtype_name(weights["W_enc"]),
            k=config.k,
            metadata=_metadata(path, config),
        )
        return build(cfg, weights)


def _check_representable(config: _Config) -> None:
    if config.activation != "topk":
        raise SAEError(f"activation {config.activation!r} can't be computed here, only 'topk'")
    if config.signed:
        raise SAEError("signed features can't be computed here: features are never negative")
    if config.transcode or config.skip_connection:
        kind = "skip connection" if config.skip_connection else "transcoder"
        raise SAEError(f"this is a {kind}, which predicts an activation from more than its features: no autoencoder")


def _metadata(path: Path, config: _Config) -> SAEMetadata:
    folder = path.resolve()
    if _SEED_FOLDER.fullmatch(folder.name):
        folder = folder.parent
    run_file = folder.parent / RUN_CONFIG_FILE
    run = read_json(run_file, _RunConfig) if run_file.is_file() else _RunConfig()
    return SAEMetadata(
        model_name=run.model,
        hook_name=_hook_name(folder.name),
        context_size=run.ctx_len,
        dataset_path=run.dataset,
        weight_processing="raw",
        extra={"sparsify": {"module": folder.name, **config.model_dump(mode="json")}},
    )


def _hook_name(module: str) -> str | None:
    """The output of a module as TransformerLens names it."""
    match = _MODULE.fullmatch(module)
    if match is None:
        return None
    place = {None: "resid_post", "mlp": "mlp_out"}.get(match["part"], "attn_out")
    return f"blocks.{match['layer']}.hook_{place}"


def _detect(path: Path) -> bool:
    return path.is_dir() and (path / WEIGHTS_FILE).exists()


SPARSIFY = Format(name=f"sparsify folder ({CONFIG_FILE}, {WEIGHTS_FILE})", detect=_detect, load=load)
"""What sparsify's ``SparseCoder.save_to_disk`` writes."""
