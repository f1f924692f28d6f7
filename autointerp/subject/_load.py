"""From a name to a subject that is ready to run."""

from __future__ import annotations

from typing import Any, Literal

import torch

from autointerp.errors import UsageError
from autointerp.subject._boot import boot, fold_weights, read_kind
from autointerp.subject._bridge import BridgeSubject
from autointerp.subject._quiet import quiet
from autointerp.subject._source import find_model
from autointerp.subject._tokenizer import SubjectTokenizer, read_tokenizer


def load_subject(
    name: str,
    *,
    hook_point: str,
    weight_processing: Literal["raw", "compatibility"] = "raw",
    device: str = "cpu",
    threads: int | None = None,
    fetch: bool = True,
) -> BridgeSubject:
    """Load a language model to study, in float32, through transformer_lens.

    Args:
        name: ``bundled``, a folder in Hugging Face's layout, or a name on the hub (its local cache is tried first).
        hook_point: Where activations are read, such as ``blocks.2.hook_resid_pre``.
        weight_processing: ``raw`` runs the weights as trained; ``compatibility`` folds layer norms and centres weights
            as the former HookedTransformer did by default. An SAE only fits the kind it was trained on.
        device: A torch device.
        threads: CPU threads for the whole process; None leaves torch's number.
        fetch: Whether a model that is not on this machine may be fetched from the hub.

    Raises:
        UsageError: Any of these does not exist or does not work; the message says which, and what to do.
    """
    if weight_processing not in {"raw", "compatibility"}:
        raise UsageError(f"weight_processing is {weight_processing!r}; it must be 'raw' or 'compatibility'.")
    if threads is not None:
        if threads < 1:
            raise UsageError(f"threads is {threads}; it must be at least 1.")
        torch.set_num_threads(threads)
    place = _device(device)
    source = find_model(name, fetch=fetch)
    with quiet(), torch.no_grad():
        kind = read_kind(source)
        tokenizer, tokenizer_to_change = read_tokenizer(source.folder)
        bridge = boot(source, kind, tokenizer_to_change, place)
        max_context = _max_context(bridge, tokenizer, kind)
        if weight_processing == "compatibility":
            fold_weights(bridge, source, max_context)
        return BridgeSubject(
            bridge,
            SubjectTokenizer(tokenizer, int(bridge.cfg.d_vocab)),
            name=name,
            fingerprint=source.fingerprint(),
            kind=kind,
            hook_point=hook_point,
            weight_processing=weight_processing,
            max_context=max_context,
        )


def _device(name: str) -> torch.device:
    """A device that this machine has."""
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, ValueError) as error:
        raise UsageError(f"device {name!r} does not work here ({str(error).splitlines()[0]}). Use 'cpu'.") from error
    return device


def _max_context(bridge: Any, tokenizer: Any, kind: str) -> int:
    """The position table's length; some encoders (RoBERTa) leave rows of theirs unused, which their tokenizers know."""
    n_ctx = int(bridge.cfg.n_ctx)
    return min(n_ctx, int(tokenizer.model_max_length)) if kind == "encoder" else n_ctx
