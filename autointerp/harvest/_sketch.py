"""``FeatureSketch``: all that a harvest remembers of all features, in memory that doesn't grow with the text."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autointerp.errors import MismatchError, UsageError
from autointerp.harvest._arrays_file import read_arrays, write_arrays
from autointerp.harvest._arrivals import Arrivals, window_maxima
from autointerp.harvest._fixed_point import FixedPointSum
from autointerp.harvest._histogram import N_BINS, bin_of
from autointerp.harvest._keys import mix, salts, unmix
from autointerp.harvest._smallest import EMPTY, SmallestKeys
from autointerp.harvest._spec import Peaks, SketchSpec

LARGEST_VALUE = float(1 << 20)
"""Activations from here on are refused."""
TOP_OF_TOKEN = 25
"""A feature that never exceeds the threshold among this many largest of a token is dead by the top-k definition."""
_COUNTS = ("n_tokens_at", "n_active", "n_above_threshold", "n_in_top_of_token", "histogram", "n_active_at")
_HIGH_HALF = np.uint64(32)
_LOW_HALF = np.uint64(0xFFFFFFFF)


class FeatureSketch:
    """Statistics, strongest windows and a uniform sample of every feature.

    A commutative monoid: in whatever order, batches and shards the windows come, the result is the same, bit for bit.
    It holds pointers into the windows, never text.

    Shapes: F ``spec.d_sae``, P ``spec.n_buckets``. All counts are int64.
    """

    def __init__(self, spec: SketchSpec) -> None:
        """Start empty."""
        n = spec.d_sae
        self.spec = spec
        self.shards: frozenset[str] = frozenset()
        """Names of the shards that are in."""
        self.n_tokens_at = np.zeros(spec.n_buckets, np.int64)
        """Tokens counted, active or not, by position bucket, [P]."""
        self.n_active = np.zeros(n, np.int64)
        """Tokens a feature is active on, [F]."""
        self.n_above_threshold = np.zeros(n, np.int64)
        """Tokens it exceeds ``spec.dead_threshold`` on, [F]."""
        self.n_in_top_of_token = np.zeros(n, np.int64)
        """Tokens where it exceeds ``spec.dead_threshold`` and fewer than 25 features are stronger, [F]."""
        self.histogram = np.zeros((n, N_BINS + 2), np.int64)
        """Activations by size: below, 64 bins, above; [F, 66]."""
        self.n_active_at = np.zeros((n, spec.n_buckets), np.int64)
        """Tokens it is active on, by position bucket, [F, P]."""
        self.total = FixedPointSum(n, n_words=2)
        """Sum of its activations."""
        self.total_squares = FixedPointSum(n, n_words=3)
        """Sum of their squares."""
        self._strongest = SmallestKeys(n, spec.k_top)  # inverted float bits above the window, with the position
        self._sampled = SmallestKeys(n, spec.k_sample)  # scrambled place, with the value's bits
        self._salts = salts(spec.seed, np.arange(n), purpose="sample")

    @property
    def n_tokens(self) -> int:
        """Tokens counted."""
        return int(self.n_tokens_at.sum())

    def update(
        self,
        window: NDArray[np.integer],
        position: NDArray[np.integer],
        feature: NDArray[np.integer],
        value: NDArray[np.float32],
        *,
        token_positions: NDArray[np.integer],
    ) -> None:
        """Add the activations of some whole windows; a window comes once, and in one piece.

        Args:
            window: Window of each activation, [n].
            position: Its position in the window, [n].
            feature: The feature, [n].
            value: The activation: positive, finite, below 2**20; float32 [n].
            token_positions: Position of every token that counts, active or not, [tokens].

        Raises:
            UsageError: An activation is out of range or not finite, or lies outside the sketch's shape.
        """
        arrivals = Arrivals.of(window, position, feature, value, context_length=self.spec.context_length)
        self._check(arrivals, token_positions)
        bucket = self.spec.bucket(token_positions.astype(np.int64, copy=False))
        self.n_tokens_at += np.bincount(bucket, minlength=self.spec.n_buckets)
        if len(arrivals.value):
            self._count(arrivals)
            self._select(arrivals)

    def add_shard(self, shard: str) -> None:
        """Say that the updates so far complete a shard.

        Raises:
            UsageError: It is in already.
        """
        if shard in self.shards:
            raise UsageError(f"Shard {shard!r} is in this sketch already; every shard counts once.")
        self.shards |= {shard}

    def add_sketch(self, other: FeatureSketch) -> None:
        """Take in another sketch of other shards.

        Raises:
            MismatchError: The sketches differ in shape, seed, settings or source.
            UsageError: They share a shard.
        """
        if other.spec != self.spec:
            hint = "Only sketches of one harvest can be merged."
            raise MismatchError("Sketches to merge", expected=self.spec, found=other.spec, hint=hint)
        if both := sorted(self.shards & other.shards):
            raise UsageError(f"Both sketches hold shard {both[0]!r} ({len(both)} in common); every shard counts once.")
        self.shards |= other.shards
        for name in _COUNTS:
            getattr(self, name).__iadd__(getattr(other, name))
        self.total.add_sum(other.total)
        self.total_squares.add_sum(other.total_squares)
        self._strongest.take(other._strongest)
        self._sampled.take(other._sampled)

    def mean(self) -> NDArray[np.float64]:
        """Mean activation where active, [F]; nan where never."""
        return _ratio(self.total.to_float(), self.n_active)

    def std(self) -> NDArray[np.float64]:
        """Standard deviation of the activations where active, [F]; nan where never."""
        variance = _ratio(self.total_squares.to_float(), self.n_active) - self.mean() ** 2
        return np.sqrt(np.maximum(variance, 0.0))

    def max(self) -> NDArray[np.float32]:
        """Largest activation, [F]; 0 where never active."""
        return self.top().value[:, 0]

    def top(self) -> Peaks:
        """The strongest windows, each with its maximum, strongest first; equals by window, then position."""
        keys = self._strongest.keys
        filled = keys != EMPTY
        window = np.where(filled, (keys & _LOW_HALF).astype(np.int64), -1)
        position = np.where(filled, self._strongest.payload.astype(np.int64), -1)
        return Peaks(window, position, (~(keys >> _HIGH_HALF)).astype(np.uint32).view(np.float32))

    def sample(self) -> Peaks:
        """The uniform sample of activations, in random order; all of them where there are no more than ``k_sample``."""
        filled = np.arange(self.spec.k_sample) < self.n_active[:, None]
        place = np.where(filled, (unmix(self._sampled.keys) ^ self._salts[:, None]).astype(np.int64), 0)
        window, position = np.divmod(place, self.spec.context_length)
        value = self._sampled.payload.view(np.float32)
        return Peaks(np.where(filled, window, -1), np.where(filled, position, -1), value)

    def quantiles(self, qs: list[float]) -> NDArray[np.float64]:
        """Quantiles of each feature's own activations, from the sample, by linear interpolation.

        Args:
            qs: Each between 0 and 1.

        Returns:
            [F, len(qs)]; exact where the sample holds all activations, nan where there are none.
        """
        n = np.minimum(self.n_active, self.spec.k_sample)[:, None]
        value = np.where(np.arange(self.spec.k_sample) < n, self._sampled.payload.view(np.float32), np.float32(np.inf))
        ordered = np.sort(value, axis=1)
        last = np.maximum(n - 1, 0)
        at = last * np.asarray(qs)  # [F, len(qs)]
        low = np.floor(at).astype(np.int64)
        below = np.take_along_axis(ordered, low, axis=1).astype(np.float64)
        above = np.take_along_axis(ordered, np.minimum(low + 1, last), axis=1).astype(np.float64)
        below[n[:, 0] == 0] = above[n[:, 0] == 0] = np.nan
        found: NDArray[np.float64] = below + (above - below) * (at - low)
        return found

    def decile_edges(self) -> NDArray[np.float64]:
        """The nine values between a feature's ten deciles, [F, 9]."""
        return self.quantiles([i / 10 for i in range(1, 10)])

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Everything the sketch holds, by name; two sketches are equal when these, ``spec`` and ``shards`` are."""
        return {name: getattr(self, name) for name in _COUNTS} | {
            "total": self.total.words,
            "total_squares": self.total_squares.words,
            "strongest_keys": self._strongest.keys,
            "strongest_positions": self._strongest.payload,
            "sampled_keys": self._sampled.keys,
            "sampled_values": self._sampled.payload,
        }

    def save(self, path: Path) -> None:
        """Write one file, whole or not at all; equal sketches give equal bytes."""
        head = json.dumps({"spec": asdict(self.spec), "shards": sorted(self.shards)}, sort_keys=True)
        write_arrays(path, head, self.arrays())

    @classmethod
    def load(cls, path: Path) -> FeatureSketch:
        """Read what ``save`` wrote.

        Raises:
            UsageError: The file is missing, broken or of another version.
        """
        text, arrays = read_arrays(path)
        head = json.loads(text)
        sketch = cls(SketchSpec(**head["spec"]))
        sketch.shards = frozenset(head["shards"])
        for name in _COUNTS:
            setattr(sketch, name, arrays[name])
        sketch.total.words = arrays["total"]
        sketch.total_squares.words = arrays["total_squares"]
        sketch._strongest.replace(arrays["strongest_keys"], arrays["strongest_positions"])
        sketch._sampled.replace(arrays["sampled_keys"], arrays["sampled_values"])
        return sketch

    def _check(self, arrivals: Arrivals, token_positions: NDArray[np.integer]) -> None:
        value = arrivals.value
        if len(value) and not (value.min() > 0 and value.max() < LARGEST_VALUE):
            wrong = np.flatnonzero(~((value > 0) & (value < LARGEST_VALUE)))[0]
            where = f"Window {arrivals.window[wrong]}, position {arrivals.position[wrong]}"
            raise UsageError(
                f"{where}, feature {arrivals.feature[wrong]}: activation {value[wrong]} is not a positive finite "
                f"number below {LARGEST_VALUE:.0f}. Check that the SAE fits this model and hook point, and its scaling."
            )
        for name, array, end in (
            ("feature", arrivals.feature, self.spec.d_sae),
            ("position", arrivals.position, self.spec.context_length),
            ("token position", token_positions, self.spec.context_length),
            ("window", arrivals.window, 1 << 31),
        ):
            if len(array) and (array.min() < 0 or array.max() >= end):
                raise UsageError(f"A {name} ({array.min()} to {array.max()}) is outside this sketch's 0 to {end - 1}.")

    def _count(self, arrivals: Arrivals) -> None:
        n, feature, value = self.spec.d_sae, arrivals.feature, arrivals.value
        self.n_active += np.bincount(feature, minlength=n)
        above = value > self.spec.dead_threshold
        self.n_above_threshold += np.bincount(feature[above], minlength=n)
        strong = above & (value >= arrivals.kth_largest_of_token(TOP_OF_TOKEN))
        self.n_in_top_of_token += np.bincount(feature[strong], minlength=n)
        np.add.at(self.histogram.reshape(-1), feature * self.histogram.shape[1] + bin_of(value), 1)
        bucket = self.spec.bucket(arrivals.position)
        np.add.at(self.n_active_at.reshape(-1), feature * self.spec.n_buckets + bucket, 1)
        wide = value.astype(np.float64)
        self.total.add(feature, wide)
        self.total_squares.add(feature, wide * wide)

    def _select(self, arrivals: Arrivals) -> None:
        feature, bits = arrivals.feature, arrivals.value.view(np.uint32)
        key = mix(arrivals.place.astype(np.uint64) ^ self._salts[feature])
        chosen = self._sampled.may_enter(feature, key)
        self._sampled.offer(feature[chosen], key[chosen], bits[chosen])

        key = ((~bits).astype(np.uint64) << _HIGH_HALF) | arrivals.window.astype(np.uint64)
        chosen = self._strongest.may_enter(feature, key)
        if chosen.any():
            self._strongest.offer(*window_maxima(feature[chosen], key[chosen], arrivals.position[chosen]))


def merge(a: FeatureSketch, b: FeatureSketch) -> FeatureSketch:
    """The sketch of both; commutative and associative, and neither input changes.

    Raises:
        MismatchError: They differ in shape, seed, settings or source.
        UsageError: They share a shard.
    """
    both = FeatureSketch(a.spec)
    both.add_sketch(a)
    both.add_sketch(b)
    return both


def _ratio(total: NDArray[np.float64], count: NDArray[np.int64]) -> NDArray[np.float64]:
    ratio: NDArray[np.float64] = np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0)
    return ratio
