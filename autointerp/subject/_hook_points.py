"""Names of hook points: which two are the same place in the network, and which are close to a misspelt one."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from autointerp.errors import MismatchError, UsageError

_BLOCK = re.compile(r"blocks\.(\d+)\.(.+)")
# transformer_lens's bridge names a tensor by the module it leaves; the older names stay as aliases.
_OLDER_NAMES = {
    "hook_in": "hook_resid_pre",
    "hook_out": "hook_resid_post",
    "attn.hook_out": "hook_attn_out",
    "mlp.hook_out": "hook_mlp_out",
}


def same_hook_point(a: str, b: str, n_layers: int | None = None) -> bool:
    """Whether two names mean the same activation, as ``blocks.1.hook_resid_post`` and ``blocks.2.hook_resid_pre`` do.

    Args:
        a: A hook point's name.
        b: Another.
        n_layers: The model's number of blocks; without it every block is taken to have a successor.
    """
    return _canonical(a, n_layers) == _canonical(b, n_layers)


def check_hook_points(sae_hook: str, run_hook: str, n_layers: int | None = None) -> None:
    """Make sure that an SAE is read where it was trained.

    Args:
        sae_hook: Where the SAE says it belongs.
        run_hook: Where the run reads activations.
        n_layers: As for ``same_hook_point``.

    Raises:
        MismatchError: They are different places.
    """
    if not same_hook_point(sae_hook, run_hook, n_layers):
        raise MismatchError(
            "hook point of the SAE and of the run",
            expected=sae_hook,
            found=run_hook,
            hint="Read the activations where the SAE was trained, or take the SAE that belongs to this hook point.",
        )


def unknown_hook_point(name: str, known: Iterable[str], model: str) -> UsageError:
    """The error for a hook point that the model does not have, with the closest names that it has.

    Args:
        name: What was asked for.
        known: All the model's hook points.
        model: The model's name, for the message.
    """
    names = sorted(set(known))
    close = difflib.get_close_matches(name, names, n=5, cutoff=0.5) or names[:5]
    return UsageError(f"{model}: no hook point {name!r}. Close to it: {', '.join(close)}.")


def _canonical(name: str, n_layers: int | None) -> str:
    """The residual stream between two blocks is called by the block it enters."""
    match = _BLOCK.fullmatch(name)
    if match is None:
        return name
    layer, rest = int(match[1]), _OLDER_NAMES.get(match[2], match[2])
    if rest == "hook_resid_post" and (n_layers is None or layer + 1 < n_layers):
        layer, rest = layer + 1, "hook_resid_pre"
    return f"blocks.{layer}.{rest}"


def writes_to_stream(hook_point: str) -> bool:
    """Whether a direction at the hook point is one of the residual stream, as the unembedding takes it."""
    return _IN_THE_STREAM.fullmatch(hook_point) is not None


_IN_THE_STREAM = re.compile(r"blocks\.\d+\.(hook_resid_(pre|mid|post)|hook_attn_out|hook_mlp_out)|hook_embed")
