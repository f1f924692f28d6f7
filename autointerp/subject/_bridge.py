"""A language model under study, run by transformer_lens's TransformerBridge.

One mechanism serves every hook point, decoders and encoders, and both versions of transformer_lens: a hook that raises.
The forward pass then ends at the hook point itself, whereas ``stop_at_layer`` ends before or after a block, gives back
logits at the last one, and does nothing in an encoder's ``forward``.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import torch
from torch import Tensor

from autointerp.errors import UsageError
from autointerp.subject._hook_points import unknown_hook_point
from autointerp.subject._source import first_line
from autointerp.subject._tokenizer import SubjectTokenizer
from autointerp.subject._trace import Patch, Trace


class _Reached(Exception):  # noqa: N818 - not an error, a way out
    """Carries the activation out of the forward pass."""

    def __init__(self, activation: Tensor) -> None:
        super().__init__()
        self.activation = activation


class BridgeSubject:
    """A ``Subject`` behind a TransformerBridge; make one with ``load_subject``.

    Token batches are right-padded to one shape. A decoder needs no mask for that: no real position sees the padding
    after it. An encoder sees both ways, so there the padding token is masked, which needs a tokenizer whose padding
    token is used for nothing else. An encoder's windows open with CLS and have no SEP at their end.

    Shapes: b windows, t positions, d ``d_model``, v ``d_vocab``.
    """

    def __init__(
        self,
        bridge: Any,
        tokenizer: SubjectTokenizer,
        *,
        name: str,
        fingerprint: str,
        kind: Literal["decoder", "encoder"],
        hook_point: str,
        weight_processing: Literal["raw", "compatibility"],
        max_context: int,
    ) -> None:
        """Take a booted bridge and try its hook point once.

        Raises:
            UsageError: The hook point is unknown, never reached, or not one vector a token; or an encoder's tokenizer
                has no padding token of its own.
        """
        self._bridge, self._tokenizer = bridge, tokenizer
        self.name, self.fingerprint = name, fingerprint
        self.kind: Literal["decoder", "encoder"] = kind
        self.hook_point = hook_point
        self.weight_processing: Literal["raw", "compatibility"] = weight_processing
        self.max_context = max_context
        self.n_layers = int(bridge.cfg.n_layers)
        self.d_vocab = int(bridge.cfg.d_vocab)
        self.bos_id, self.pad_id = tokenizer.bos_id, tokenizer.pad_id
        self.device = torch.device(bridge.cfg.device)
        if kind == "encoder" and not tokenizer.has_own_pad:
            raise UsageError(
                f"{name}: an encoder needs a tokenizer with a padding token of its own. Add one, such as [PAD]."
            )
        self.d_model = self._probe()

    def at(self, hook_point: str) -> BridgeSubject:
        """The same model, its weights shared, with another hook point picked out.

        Raises:
            UsageError: As for the constructor.
        """
        other = copy.copy(self)
        other.hook_point = hook_point
        other.d_model = other._probe()  # noqa: SLF001 (its own)
        return other

    def encode(self, text: str) -> list[int]:
        """Token ids without any special token; what looks like one in the text stays plain text."""
        return self._tokenizer.encode(text)

    def pieces(self, ids: Sequence[int]) -> list[str]:
        """Each id's own text, readable alone; special tokens by their names, partial UTF-8 as U+FFFD."""
        return self._tokenizer.pieces(ids)

    @torch.no_grad()
    def residuals(self, tokens: Tensor) -> Tensor:
        """Activations at the hook point; the model stops there.

        Args:
            tokens: Ids, [b, t], BOS included where it is wanted; none is ever added here.

        Returns:
            [b, t, d]; per-head activations are flattened to d = heads * d_head.

        Raises:
            UsageError: The windows are too long, or hold ids that the model does not know.
        """
        tokens = self._checked(tokens)
        return self._activation(tokens).flatten(2)  # [b, t, ...] -> [b, t, d]

    @torch.no_grad()
    def logits(self, tokens: Tensor, patch: Patch | None = None) -> Tensor:
        """Next-token logits.

        Args:
            tokens: Ids, [b, t], as for ``residuals``.
            patch: Given the activation at the hook point, [b, t, d], returns what takes its place.

        Returns:
            [b, t, v]

        Raises:
            UsageError: As for ``residuals``, or the model is an encoder.
        """
        if self.kind == "encoder":
            raise UsageError(
                f"{self.name}: an encoder has no next-token logits (and its language model head may be untrained). "
                "Leave out the metrics that need them."
            )
        found = self.trace(tokens, patches={} if patch is None else {self.hook_point: patch}).logits
        assert found is not None
        return found

    @torch.no_grad()
    def trace(self, tokens: Tensor, *, read: Sequence[str] = (), patches: Mapping[str, Patch] | None = None) -> Trace:
        """Run the whole model once, reading and replacing activations at any hook points.

        Args:
            tokens: Ids, [b, t], as for ``residuals``.
            read: Hook points to read; at one that is patched, what arrives there is read.
            patches: By hook point, what replaces the activation there.

        Returns:
            What was read, and the logits.

        Raises:
            UsageError: As for ``residuals``, or a hook point is unknown or never passed.
        """
        tokens, patches = self._checked(tokens), patches or {}
        seen: dict[str, Tensor] = {}
        hooks = [(name, _reader(seen, name)) for name in read] + [(name, _patcher(p)) for name, p in patches.items()]
        for name, _ in hooks:
            if name not in self._bridge.hook_dict:
                raise unknown_hook_point(name, self._bridge.hook_dict, self.name)
        logits = self._bridge.run_with_hooks(
            tokens,
            fwd_hooks=hooks,
            return_type=None if self.kind == "encoder" else "logits",
            prepend_bos=False,
            **self._mask(tokens),
        )
        if missed := [name for name in read if name not in seen]:
            raise self._never_passed(missed[0])
        return Trace(seen, None if self.kind == "encoder" else logits)

    def unembedding(self) -> Tensor | None:
        """The matrix from the last residual (normalised) to logits, [d, v]; None for an encoder."""
        if self.kind == "encoder":
            return None
        matrix: Tensor = self._bridge.W_U
        return matrix.detach()

    def weights(self) -> list[Tensor]:
        """The model's learned tensors, each once, in a fixed order; changing them in place changes the model."""
        return list(self._bridge.parameters())

    def _activation(self, tokens: Tensor) -> Tensor:
        def leave(activation: Tensor, **_: object) -> None:
            raise _Reached(activation)

        try:
            self._bridge.run_with_hooks(
                tokens, fwd_hooks=[(self.hook_point, leave)], return_type=None, prepend_bos=False, **self._mask(tokens)
            )
        except _Reached as reached:
            return reached.activation
        raise self._never_passed(self.hook_point)

    def _mask(self, tokens: Tensor) -> dict[str, Tensor]:
        """What an encoder needs to be told of its padding."""
        return {"attention_mask": (tokens != self.pad_id).long()} if self.kind == "encoder" else {}

    def _never_passed(self, hook_point: str) -> UsageError:
        return UsageError(f"{self.name}: the model never passes hook point {hook_point!r}. Use another.")

    def _checked(self, tokens: Tensor) -> Tensor:
        """The ids on the model's device, once they are known to fit."""
        if tokens.ndim != 2 or tokens.is_floating_point():
            raise UsageError(
                f"{self.name}: token ids must be an integer tensor [b, t], not {tokens.dtype} {list(tokens.shape)}."
            )
        if tokens.shape[1] > self.max_context:
            raise UsageError(
                f"{self.name}: a window of {tokens.shape[1]} tokens is longer than the {self.max_context} that the "
                "model takes. Use a smaller context length."
            )
        if tokens.numel():
            low, high = (int(value) for value in tokens.aminmax())
            if low < 0 or high >= self.d_vocab:
                outside = low if low < 0 else high
                raise UsageError(
                    f"{self.name}: token id {outside} is outside its vocabulary of {self.d_vocab}. "
                    "The windows were made with another model's tokenizer: build them with this one."
                )
        return tokens.to(self.device, torch.long)

    def _probe(self) -> int:
        """Run two short windows to see that the hook point exists and what its width is."""
        if self.hook_point not in self._bridge.hook_dict:
            raise unknown_hook_point(self.hook_point, self._bridge.hook_dict, self.name)
        # An attention pattern is [b, heads, t, t]: a length that is not the number of heads tells it apart.
        length = min(self.max_context, int(self._bridge.cfg.n_heads) + 1)
        tokens = torch.full((2, length), self.bos_id or 0, device=self.device)
        try:
            with torch.no_grad():
                found = self._activation(tokens)
        except UsageError:
            raise
        except Exception as error:  # hook points that are switched off fail in their own ways
            raise UsageError(
                f"{self.name}: hook point {self.hook_point!r} can't be read ({first_line(error)}). Use another."
            ) from error
        if found.ndim < 3 or found.shape[:2] != (2, length) or not found.is_floating_point():
            raise UsageError(
                f"{self.name}: hook point {self.hook_point!r} holds {list(found.shape)} for 2 windows of {length} "
                "tokens, not one vector a token. Use one such as hook_resid_post, hook_mlp_out or attn.hook_z."
            )
        return found[0, 0].numel()


def _reader(seen: dict[str, Tensor], name: str) -> Callable[..., None]:
    """A hook that keeps the activation."""

    def read(activation: Tensor, **_: object) -> None:
        seen[name] = activation.flatten(2)  # [b, t, ...] -> [b, t, d]

    return read


def _patcher(patch: Patch) -> Callable[..., Tensor]:
    """A hook that replaces the activation."""

    def replace(activation: Tensor, **_: object) -> Tensor:
        return patch(activation.flatten(2)).reshape(activation.shape)  # [b, t, d] -> [b, t, ...]

    return replace
