"""What the harness asks of a language model under study, whatever library runs it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, Protocol

import torch
from torch import Tensor


class Subject(Protocol):
    """A language model with one hook point picked out.

    Shapes: b windows, t positions, d ``d_model``, v ``d_vocab``.
    """

    @property
    def name(self) -> str:
        """As asked for: ``bundled``, a hub name, a local folder."""

    @property
    def fingerprint(self) -> str:
        """Identity of the weights, for run manifests."""

    @property
    def kind(self) -> Literal["decoder", "encoder"]:
        """Encoders have no next-token loss."""

    @property
    def hook_point(self) -> str:
        """Where residuals are read, in transformer_lens's names."""

    @property
    def weight_processing(self) -> Literal["raw", "compatibility"]:
        """Whether weights are as trained, or folded and centred as HookedTransformer did."""

    @property
    def d_model(self) -> int:
        """Width of the activation at the hook point."""

    @property
    def d_vocab(self) -> int:
        """Number of token ids."""

    @property
    def max_context(self) -> int:
        """Longest window the model takes."""

    @property
    def bos_id(self) -> int | None:
        """The token put in front of windows (BOS, or CLS for encoders), if there is one."""

    @property
    def pad_id(self) -> int:
        """Fills windows up; what a padded position computes is never used."""

    @property
    def device(self) -> torch.device:
        """Where the weights are."""

    def encode(self, text: str) -> list[int]:
        """Token ids without any special token."""

    def pieces(self, ids: Sequence[int]) -> list[str]:
        """Each id's own text, readable alone; special tokens by their names, partial UTF-8 as U+FFFD."""

    def residuals(self, tokens: Tensor) -> Tensor:
        """Activations at the hook point, [b, t] -> [b, t, d]; the model stops there."""

    def logits(self, tokens: Tensor, patch: Callable[[Tensor], Tensor] | None = None) -> Tensor:
        """Next-token logits [b, t, v], with the activation at the hook point replaced by ``patch(activation)``."""
