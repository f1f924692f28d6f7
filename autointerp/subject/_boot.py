"""Puts a model folder behind transformer_lens's TransformerBridge (3.9 and 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import torch

from autointerp.errors import UsageError
from autointerp.subject._source import ModelSource, first_line

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedTokenizerBase

_LOG_PROB_TOLERANCE = 0.01  # nats; folding in float32 moves log-probabilities by far less


def read_kind(source: ModelSource) -> Literal["decoder", "encoder"]:
    """Tell from ``config.json`` whether a model predicts the next token or fills in masked ones.

    Raises:
        UsageError: The file is broken, or the model is neither.
    """
    from transformers import AutoConfig
    from transformers.models.auto import modeling_auto

    try:
        config: PretrainedConfig = AutoConfig.from_pretrained(source.folder, local_files_only=True)
    except Exception as error:  # a broken file, an unknown model type, remote code: no common type
        raise UsageError(
            f"{source.name}: its config.json is not one that transformers can load ({first_line(error)}). "
            "Give a folder written by save_pretrained(), or a name of such a model on the hub."
        ) from error
    architecture = (config.architectures or [""])[0]
    if not config.is_encoder_decoder:
        if architecture in modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.values():
            return "decoder"
        if config.model_type in modeling_auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES:
            return "encoder"
        if config.model_type in modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES:
            return "decoder"
    raise UsageError(
        f"{source.name}: {architecture or config.model_type} is neither a decoder-only language model nor an encoder. "
        "Give one of those."
    )


def boot(source: ModelSource, kind: str, tokenizer: PreTrainedTokenizerBase, device: torch.device) -> Any:
    """Load the weights in float32 behind a ``TransformerBridge``.

    Args:
        source: The files.
        kind: What ``read_kind`` said.
        tokenizer: A copy that transformer_lens may change.
        device: Where to put the weights.

    Raises:
        UsageError: transformer_lens does not take the architecture, or the weights are broken or not all there.
    """
    from transformer_lens.model_bridge import TransformerBridge

    loader = _CompleteWeights(kind)
    try:
        bridge = TransformerBridge.boot_transformers(
            str(source.folder), device=device, dtype=torch.float32, tokenizer=tokenizer, model_class=loader
        )
    except Exception as error:  # three libraries deep, no common type
        raise UsageError(
            f"{source.name}: transformer_lens can't load it ({first_line(error)}). "
            "Check the files, and that transformer_lens supports the architecture."
        ) from error
    if loader.missing:
        raise UsageError(
            f"{source.name}: {len(loader.missing)} weights are not in the files, {loader.missing[0]} is one; "
            "they would be random numbers. Give a complete model."
        )
    bridge.eval()
    bridge.original_model.config.use_cache = False  # a key-value cache would only cost memory
    return bridge


def fold_weights(bridge: Any, source: ModelSource, max_context: int) -> None:
    """Switch to HookedTransformer's numerics: layer norms folded, writing weights and unembedding centred.

    Predictions must stay what they were; they are compared on a few token ids.

    Raises:
        UsageError: transformer_lens can't do it for this architecture without changing predictions.
    """
    refusal = f"{source.name}: compatibility weights don't work for {type(bridge.original_model).__name__}"
    hint = "Use weight_processing='raw'."
    probe = torch.arange(2 * min(8, max_context), device=bridge.cfg.device).view(2, -1) % bridge.cfg.d_vocab
    before = bridge(probe, return_type="logits").log_softmax(-1)
    try:
        bridge.enable_compatibility_mode(disable_warnings=True)
        after = bridge(probe, return_type="logits").log_softmax(-1)
    except Exception as error:  # adapters fail each in their own way
        raise UsageError(f"{refusal} ({first_line(error)}). {hint}") from error
    change = (after - before).abs().max().item()
    if not change <= _LOG_PROB_TOLERANCE:
        raise UsageError(f"{refusal}: they change its log-probabilities by {change:.3g} nats. {hint}")


class _CompleteWeights:
    """Stands where transformer_lens expects a model class, to see which weights the files lack."""

    def __init__(self, kind: str) -> None:
        """Args: ``decoder`` or ``encoder``."""
        self._kind = kind
        self.missing: list[str] = []

    def from_pretrained(self, folder: str, **options: Any) -> Any:
        """Load as the auto class would; an encoder's head may be missing, since nothing reads it."""
        import transformers

        auto = transformers.AutoModelForCausalLM if self._kind == "decoder" else transformers.AutoModelForMaskedLM
        model, report = auto.from_pretrained(folder, output_loading_info=True, **options)
        body = f"{model.base_model_prefix}." if self._kind == "encoder" else ""
        self.missing = sorted(key for key in report["missing_keys"] if key.startswith(body))
        return model
