"""A language model whose activations are the planted features themselves.

Everything after it is the real pipeline: the SAE's encoder is the identity.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import ndtri

import sae
from autointerp.errors import UsageError
from autointerp.harvest._keys import mix, salts
from autointerp.subject import Subject
from benchmarks.ground_truth._noise import FALSE_SCALE
from benchmarks.ground_truth._predicate import Predicate
from benchmarks.ground_truth._text import Mask, Text, Vocabulary
from benchmarks.ground_truth._truth import Planted

HOOK_POINT = "planted"
MEDIAN, SPREAD = 2.0, 0.7
"""Strengths are log-normal: their median, and the standard deviation of their logarithm. The strongest of a thousand
is then about nine times the median, as in SAEs."""
FLOOR = 1.0
"""In ``bottom`` features the first meaning is stronger than this, the second weaker."""
MASSIVE = 60.0
"""Strength at position 0."""

U64 = NDArray[np.uint64]
F64 = NDArray[np.float64]


class PlantedSubject:
    """Gives planted activations for real tokens; a function of a window's tokens alone."""

    kind: Literal["decoder", "encoder"] = "decoder"
    hook_point = HOOK_POINT
    weight_processing: Literal["raw", "compatibility"] = "raw"

    def __init__(
        self,
        features: Sequence[Planted],
        predicates: Mapping[str, Predicate],
        words: Vocabulary,
        tokenizer: Subject,
        *,
        seed: int,
    ) -> None:
        """Plant features.

        Args:
            features: Which; activations come in this order.
            predicates: By name, all that the features name.
            words: What tokens spell.
            tokenizer: A real subject; its tokens are used, its weights are not.
            seed: Of strengths and noise.
        """
        self.features, self._predicates, self._words = tuple(features), predicates, words
        self._tokenizer, self.seed = tokenizer, seed
        described = "\n".join(feature.model_dump_json() for feature in features)
        self.fingerprint = hashlib.sha256(f"{seed}\n{described}".encode()).hexdigest()
        self.name = f"planted on {tokenizer.name}"
        self.d_model, self.d_vocab = len(features), tokenizer.d_vocab
        self.max_context, self.bos_id, self.pad_id = tokenizer.max_context, tokenizer.bos_id, tokenizer.pad_id
        self.device = torch.device("cpu")

    def only(self, features: Sequence[Planted]) -> PlantedSubject:
        """The same, with some of the features."""
        return PlantedSubject(features, self._predicates, self._words, self._tokenizer, seed=self.seed)

    def encode(self, text: str) -> list[int]:
        """As the real subject does."""
        return self._tokenizer.encode(text)

    def pieces(self, ids: Sequence[int]) -> list[str]:
        """As the real subject does."""
        return self._tokenizer.pieces(ids)

    def residuals(self, tokens: torch.Tensor) -> torch.Tensor:
        """The features' activations, [b, t] -> [b, t, feature]."""
        return torch.from_numpy(self.activations(tokens.numpy()))

    def logits(
        self, _tokens: torch.Tensor, _patch: Callable[[torch.Tensor], torch.Tensor] | None = None
    ) -> torch.Tensor:
        """There are none.

        Raises:
            UsageError: Always.
        """
        raise UsageError("planted features have no next-token loss.")

    def activations(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """The features' activations, [b, t] -> [b, t, feature]."""
        text = Text(ids, self._words)
        names = sorted({part.name for feature in self.features for part in feature.parts})
        masks = {name: self._predicates[name].fires(text) for name in names}
        places = _places(ids)
        found = np.zeros((*ids.shape, len(self.features)), np.float32)
        for column, feature in enumerate(self.features):
            where, strength = self._fire(feature, [masks[part.name] for part in feature.parts], text, places)
            found[..., column][where] = strength
        return found

    def _fire(self, feature: Planted, masks: Sequence[Mask], text: Text, places: U64) -> tuple[Mask, F64]:
        """Where a feature fires, [b, t], and how strongly there, [n]."""
        number = 0 if feature.sort == "position twin" else feature.feature + 1  # twins are one feature many times over
        if feature.sort in {"position 0", "position twin"}:
            where = text.real & (text.position <= (1 if feature.sort == "position 0" else 3))
            return where, MASSIVE * (1 + 0.1 * self._chance("strength", number, places[where]))
        holds = np.any(masks, axis=0) if masks else np.zeros(text.shape, np.bool_)
        luck = self._chance("noise", number, places)
        where = text.real & np.where(holds, luck >= feature.missed, luck < feature.false_rate)
        chance = self._chance("strength", number, places[where])
        strength = MEDIAN * np.exp(SPREAD * ndtri(chance))
        if feature.sort == "bottom":
            strength = np.where(masks[0][where], FLOOR + strength, FLOOR * (0.1 + 0.8 * chance))
        return where, np.where(holds[where], strength, FALSE_SCALE * strength)

    def _chance(self, purpose: str, number: int, places: U64) -> F64:
        """Evenly between 0 and 1, both left out, one a place."""
        salt = salts(self.seed, np.array([number]), purpose=purpose)
        return np.asarray(((mix(places ^ salt) >> np.uint64(12)).astype(np.float64) + 0.5) / 2.0**52)


def planted_sae(n: int) -> sae.SAE:
    """An SAE whose features are its inputs."""
    cfg = sae.SAEConfig(
        architecture="standard",
        d_in=n,
        d_sae=n,
        apply_b_dec_to_input=False,
        metadata=sae.SAEMetadata(model_name="bundled", hook_name=HOOK_POINT),
    )
    identity = torch.eye(n)
    return sae.SAE(cfg, W_enc=identity, W_dec=identity.clone(), b_enc=torch.zeros(n), b_dec=torch.zeros(n))


def _places(ids: NDArray[np.int64]) -> U64:
    """A number for each token, the same wherever the window lies, [b, t]."""
    columns = mix(np.arange(1, ids.shape[1] + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15))
    window = (mix(ids.astype(np.uint64) + columns) * columns).sum(axis=1, dtype=np.uint64)
    return mix(window[:, None] + columns)
