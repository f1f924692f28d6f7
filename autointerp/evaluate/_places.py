"""Where in the model a hook point is: its order along the residual stream, and a short name for it."""

from __future__ import annotations

import re

from autointerp.subject import BridgeSubject

_BLOCK = re.compile(r"blocks\.(\d+)\.(.+)")
_ORDER = ("resid_pre", "attn", "resid_mid", "mlp", "resid_post")
_TO_STREAM = ("resid", "attn_out", "mlp_out")


def depth(hook_point: str) -> tuple[int, int, str]:
    """A key that sorts hook points in the order in which a forward pass comes by.

    Args:
        hook_point: In transformer_lens's names; what is in no block comes first.
    """
    found = _BLOCK.fullmatch(hook_point)
    if found is None:
        return -1, 0, hook_point
    place = next((number for number, part in enumerate(_ORDER) if part in found[2]), len(_ORDER))
    return int(found[1]), place, hook_point


def short_name(hook_point: str) -> str:
    """``blocks.3.hook_resid_post`` as ``3 resid_post``."""
    found = _BLOCK.fullmatch(hook_point)
    return f"{found[1]} {found[2].replace('hook_', '')}" if found else hook_point


def residual_hook_points(subject: BridgeSubject) -> list[str]:
    """The residual stream after each block, in order."""
    return [f"blocks.{block}.hook_resid_post" for block in range(subject.n_layers)]


def writes_to_stream(hook_point: str) -> bool:
    """Whether a direction at the hook point is one of the residual stream, as the unembedding takes it."""
    return any(part in hook_point for part in _TO_STREAM)
