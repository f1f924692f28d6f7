"""OpenAI's ``.pt`` files (https://github.com/openai/sparse_autoencoder): one dictionary written by ``torch.save``.

Beside the weights it holds the name of the activation function, ``TopK`` or ``ReLU``, and that function's settings.
Only the TopK ones standardise their input (and undo it on the way out); the file does not say so, their code does.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from torch import Tensor

from sae._config import SAEConfig, SAEMetadata
from sae._errors import SAEError
from sae._model import SAE
from sae.architectures import build
from sae.formats._format import Format
from sae.formats._read import check_tensors, dtype_name, naming, read_torch

_NAMES = {"W_enc": "encoder.weight", "b_enc": "latent_bias", "W_dec": "decoder.weight", "b_dec": "pre_bias"}
_STATISTICS = ("stats_last_nonzero", "latents_activation_frequency", "latents_mean_square")
_HOOKS = {
    "resid_post_mlp": "hook_resid_post",
    "resid_delta_mlp": "hook_mlp_out",
    "resid_post_attn": "hook_resid_mid",
    "resid_delta_attn": "hook_attn_out",
    "mlp_post_act": "mlp.hook_post",
}
_PUBLISHED = re.compile(
    rf"gpt2-small/(?P<location>{'|'.join(_HOOKS)})(?:_v4|_v5_32k|_v5_128k)?/autoencoders/(?P<layer>\d+)\.pt"
)


def load(path: Path) -> SAE:
    """Read one of OpenAI's files; nothing in it is ever executed.

    Args:
        path: The ``.pt`` file.

    Returns:
        The SAE, on the CPU.

    Raises:
        SAEError: The file is broken, is no such dictionary, or holds an SAE that can't be computed here.
    """
    state = read_torch(path)
    with naming(path):
        activation = state.pop("activation", "ReLU")
        settings = state.pop("activation_state_dict", {})
        try:
            check_tensors(state, _NAMES.values(), _STATISTICS)
        except SAEError as error:
            raise SAEError(f"{error} (an SAE of dictionary_learning is loaded by its folder)") from error
        weights = {ours: state[theirs] for ours, theirs in _NAMES.items()}
        for name in ("W_enc", "W_dec"):  # linear layers keep the transpose: [d_sae, d_in] and [d_in, d_sae]
            weights[name] = weights[name].T if weights[name].ndim == 2 else weights[name]
        k = _k(activation, settings)
        cfg = SAEConfig(
            architecture="standard" if k is None else "topk",
            d_in=weights["b_dec"].numel(),
            d_sae=weights["b_enc"].numel(),
            dtype=dtype_name(weights["W_enc"]),
            normalize_activations="none" if k is None else "layer_norm",
            k=k,
            metadata=_metadata(path),
        )
        return build(cfg, weights)


def _k(activation: object, settings: Any) -> int | None:
    """The number of features a token, None for ReLU."""
    if activation == "ReLU":
        return None
    if activation != "TopK":
        raise SAEError(f"activation {activation!r} can't be computed here, only 'ReLU' and 'TopK'")
    known = settings if isinstance(settings, dict) else {}
    k, after = known.get("k"), known.get("postact_fn", "ReLU")
    k = k.item() if isinstance(k, Tensor) and k.numel() == 1 else k
    if not isinstance(k, int) or isinstance(k, bool):
        raise SAEError(f"activation_state_dict must hold a whole number k, found {k!r}")
    if after != "ReLU":
        raise SAEError(f"TopK followed by {after!r} can't be computed here, only by 'ReLU'")
    return k


def _metadata(path: Path) -> SAEMetadata:
    """Say where a file comes from that still lies under its published path; of any other nothing is known."""
    match = _PUBLISHED.fullmatch("/".join(path.absolute().parts[-4:]))
    if match is None:
        return SAEMetadata()
    return SAEMetadata(
        model_name="gpt2",
        hook_name=f"blocks.{match['layer']}.{_HOOKS[match['location']]}",
        context_size=64,
        weight_processing="raw",
    )


def _detect(path: Path) -> bool:
    return path.is_file() and path.suffix == ".pt"


OPENAI = Format(name="OpenAI's .pt file", detect=_detect, load=load)
"""The autoencoders OpenAI published for GPT-2 small."""
