"""Predictions of the seed systems, each with what it says, what was measured, and whether it holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from _curve import at_l0, shared_l0s
from _facts import Facts, measure, study_table
from _prediction_saes import CODE, CODE_EXPANSIONS, EXPANSIONS, LADDERS, MIDDLE, SPARSE, Trained
from numpy.typing import NDArray

import sae
from sae.finetune import least_squares


@dataclass(frozen=True)
class Row:
    """One prediction."""

    system: str
    """What it is about."""
    prediction: str
    measured: str
    holds: bool | None
    """None: what it speaks of does not occur here."""
    note: str = ""
    """What explains the outcome, where that is known."""


def loss_modes(trained: Trained) -> list[Row]:
    """The study's program averages L1 over features, its text sums it."""
    strong, weak, paper = (trained.facts[name] for name in ("code 0.01", "code 0.0001", "paper 0.01"))
    l0s = [facts.quality.l0 for facts in (strong, weak, paper)]
    return [
        Row(
            "loss as in the program",
            "lambda 1e-2 and 1e-4: at least 25 features above 0.07 on nearly every token, and the same L0",
            f"{strong.many:.1%} and {weak.many:.1%} of tokens; L0 {l0s[0]:.0f} and {l0s[1]:.0f} of "
            f"{len(weak.n_active)}",
            min(strong.many, weak.many) > 0.99 and abs(l0s[0] / l0s[1] - 1) < 0.1,
        ),
        Row(
            "loss as in the text",
            "lambda 1e-2 is far sparser than in the program",
            f"L0 {l0s[2]:.1f} against {l0s[0]:.0f}",
            l0s[2] < l0s[0] / 3,
        ),
    ]


def pre_encoder_bias(trained: Trained, without: sae.SAE) -> Row:
    """Features that hardly ever fire, and share an encoder direction."""
    held_out = trained.inputs.held_out
    with_bias = trained.models[f"l1 {MIDDLE}"]
    rare, cosine = _rare(with_bias, trained.facts[f"l1 {MIDDLE}"])
    rare_without, cosine_without = _rare(without, measure(without, held_out))
    return Row(
        "pre-encoder bias",
        "with it, more features fire on fewer than 1e-4 of tokens, and their encoder directions are alike",
        f"{rare} such features with it (mean cosine of their encoders {cosine:.2f}), {rare_without} without "
        f"({cosine_without:.2f})",
        None if max(rare, rare_without) < 10 else rare > rare_without and cosine > cosine_without,
    )


def _rare(model: sae.SAE, facts: Facts) -> tuple[int, float]:
    """Count the features below a density of 1e-4; the mean cosine of two of their encoder directions."""
    rare = torch.from_numpy(facts.density < 1e-4)
    unit = torch.nn.functional.normalize(model.W_enc[:, rare], dim=0)  # [d_in, n]
    n = unit.shape[1]
    pairs = float(unit.sum(dim=1).square().sum()) - n
    return n, pairs / max(1, n * (n - 1))


def resampling(grid: Trained) -> list[Row]:
    """Expansions times coefficients, without and with."""
    cells = [(expansion, strength) for expansion in EXPANSIONS for strength in SPARSE]
    without = {cell: grid.facts["{}x {}".format(*cell)].below_threshold for cell in cells}
    with_it = {cell: grid.facts["{}x {} resampled".format(*cell)].below_threshold for cell in cells}
    gain = {cell: without[cell] - with_it[cell] for cell in cells}
    code = {
        strength: [grid.facts[f"{e}x code {strength}"].below_threshold for e in CODE_EXPANSIONS] for strength in CODE
    }
    rising = all(np.all(np.diff([without[e, strength] for e in EXPANSIONS]) > 0) for strength in SPARSE)
    died = max(max(shares) for shares in code.values())
    largest = max(gain, key=lambda cell: gain[cell])
    return [
        Row(
            "resampling",
            "fewer dead features in all eight cells",
            _cells({cell: f"{without[cell]:.1%} -> {with_it[cell]:.1%}" for cell in cells}),
            None if max(without.values()) == 0 else all(g > 0 for g in gain.values()),
        ),
        Row(
            "resampling",
            "most is gained at 8x or 16x",
            f"most at {largest[0]}x, coefficient {largest[1]:g}: {gain[largest]:.1%} of its features",
            largest[0] in {8, 16},
        ),
        Row(
            "grid of expansions",
            "without resampling a larger share is dead in a larger dictionary",
            "; ".join(
                f"coefficient {s:g}: {', '.join(f'{without[e, s]:.1%}' for e in EXPANSIONS)} at 4x to 32x"
                for s in SPARSE
            ),
            rising,
        ),
        Row(
            "grid of expansions",
            "in the program's loss the coefficient hardly changes how many are dead",
            f"at most {died:.1%} are dead at either coefficient" if died < 0.01 else "; ".join(
                f"lambda {s:g}: {', '.join(f'{share:.1%}' for share in code[s])}" for s in CODE
            ),
            None if died < 0.01 else bool(np.abs(np.subtract(*code.values())).max() < 0.05),
        ),
    ]  # fmt: skip


def _cells(values: Mapping[tuple[int, float], str]) -> str:
    return "; ".join(f"{expansion}x {strength:g}: {value}" for (expansion, strength), value in values.items())


def selectivity(every_position: Trained) -> list[Row]:
    """What the study's ranking finds in the study's table, where first positions are not left out."""
    model, inputs = every_position.models["code"], every_position.inputs
    first = inputs.position == 0
    norms = inputs.held_out.norm(dim=1)
    outlier = float(norms[first].mean() / norms[~first].median())
    count, total = study_table(model, inputs.held_out)
    at_first, _ = study_table(model, inputs.held_out[first])
    score = sae.selectivity(total / np.maximum(count, 1), count)
    ranked = np.argsort(-score)[: int(np.isfinite(score).sum())]  # nan sorts last
    top, bottom = ranked[:25], ranked[-25:]
    positional, scarce = at_first[top] > 0.9 * count[top], count[top] <= 40
    return [
        Row(
            "selectivity, first positions kept",
            "the top 25 are features of position 0, or have 10 to 40 activations",
            f"{positional.sum()} of 25 fire nearly only at position 0, {(scarce & ~positional).sum()} others have 10 "
            f"to 40 activations (median {np.median(count[top]):.0f}, of all features "
            f"{np.median(count[ranked]):.0f}); norms at position 0 are {outlier:.1f} times the median",
            bool((positional | scarce).sum() >= 20),
            "The model has no massive activations at the first position, which made the study's duplicates."
            if outlier < 3
            else "",
        ),
        Row(
            "selectivity, first positions kept",
            "the bottom 25 are dense",
            f"median share of tokens {np.median(count[bottom]) / len(norms):.1%}, of all features "
            f"{np.median(count[ranked]) / len(norms):.1%}",
            bool(np.median(count[bottom]) > 2 * np.median(count[ranked])),
        ),
    ]


def l0_approximation(trained: Trained) -> list[Row]:
    """Farrell's smooth count, with his penalty on rare features, against L1."""
    l1, smooth = trained.ladder("l1"), trained.ladder("l0:0.2 +frequency")
    fvu, activations, n_dense = (
        _compare(l1, smooth, name, what=what, first="L1")
        for name, what in (("fvu", "FVU"), ("l1", "sum of activations"), ("n_dense", "features"))
    )
    alone, helped = (_mean(trained.ladder(name), "dead") for name in ("l0:0.2", "l0:0.2 +frequency"))
    bare = _compare(smooth, trained.ladder("l0:0.2"), "fvu", what="FVU", first="with")
    plain, added = _mean(l1, "dead"), _mean(trained.ladder("l1 +frequency"), "dead")
    return [
        fvu.row("L0 approximation", "at equal L0 a lower error than L1", lambda a, b: b < a),
        activations.row("L0 approximation", "at equal L0 larger activations in sum than L1", lambda a, b: b > a),
        n_dense.row(
            "L0 approximation", "at equal L0 more features on over a tenth of tokens than L1", lambda a, b: b > a
        ),
        Row(
            "L0 approximation alone",
            "without the penalty on rare features half of them or more are dead",
            f"{alone:.1%} never fire, mean over {len(LADDERS['l0:0.2'])} coefficients",
            alone >= 0.5,
        ),
        bare.row(
            "L0 approximation alone", "without it the error is several times higher at equal L0", lambda a, b: b > 2 * a
        ),
        Row(
            "penalty on rare features",
            "dead features become fewer by a factor of ten",
            f"with the L0 approximation {alone:.1%} -> {helped:.1%}; with L1 {plain:.1%} -> {added:.1%}",
            helped < alone / 10,
            "Firings are counted over 300 batches, more than this training has, and features die faster than that.",
        ),
    ]


def roots(trained: Trained) -> list[Row]:
    """Square root and fourth root of activations against L1."""
    l1, root, fourth = (trained.ladder(name) for name in ("l1", "sqrt", "fourth_root"))
    fvu, median, cosine, length, rare = (
        _compare(l1, root, name, what=what, first="L1")
        for name, what in (
            ("fvu", "FVU"), ("median_activation", "median"), ("cosine", "cosine"), ("l2_ratio", "L2 ratio"),
            ("rare", "share"),
        )
    )  # fmt: skip
    shortfall = [
        ((after - before) / (1 - before), (c_after - c_before) / (1 - c_before))
        for (_, before, after), (_, c_before, c_after) in zip(length.pairs, cosine.pairs, strict=True)
    ]
    both = _compare(root, fourth, "fvu", what="FVU", first="square root")
    high = replace(fvu, pairs=[pair for pair in fvu.pairs if pair[0] > 15])
    low = replace(fvu, pairs=[pair for pair in fvu.pairs if pair[0] <= 15])
    return [
        median.row("square root", "at equal L0 a larger median activation than L1", lambda a, b: b > a),
        Row(
            "square root",
            "what it gains over L1 is mostly length (L2 ratio), not direction (cosine)",
            "; ".join(
                f"L0 {l0:.0f}: {longer:.0%} of the missing length, {nearer:.0%} of the missing cosine"
                for (l0, *_), (longer, nearer) in zip(cosine.pairs, shortfall, strict=True)
            ),
            all(longer > nearer and longer > 0 for longer, nearer in shortfall) if shortfall else None,
        ),
        high.row("square root", "a lower error than L1 above an L0 of 15", lambda a, b: b < a),
        low.row("square root", "a higher error than L1 below an L0 of 15", lambda a, b: b > a),
        both.row("fourth root", "at equal L0 a higher error than the square root", lambda a, b: b > a),
        rare.row(
            "square root", "more of the features that fire are rare (below 1e-4) than with L1", lambda a, b: b > a
        ),
    ]


@dataclass(frozen=True)
class Comparison:
    """One number on two curves, at each L0 that both reach."""

    what: str
    """The number's name."""
    first: str
    """The first curve's."""
    pairs: Sequence[tuple[float, float, float]]
    """An L0, and the number there on the first curve and on the second."""

    def row(self, system: str, prediction: str, test: Callable[[float, float], bool]) -> Row:
        """A prediction that holds where the test passes at every L0.

        Args:
            system: What it is about.
            prediction: What it says.
            test: Takes the number on the first curve and on the second.
        """
        if not self.pairs:
            return Row(system, prediction, "the curves share no L0", None)
        shown = "; ".join(f"{b:.3g} ({self.first} {a:.3g}) at L0 {l0:.0f}" for l0, a, b in self.pairs)
        return Row(system, prediction, f"{self.what}: {shown}", all(test(a, b) for _, a, b in self.pairs))


def _compare(
    one: Sequence[Mapping[str, float]], other: Sequence[Mapping[str, float]], name: str, *, what: str, first: str
) -> Comparison:
    pairs = []
    for l0 in shared_l0s([one, other], 3):
        a, b = at_l0(one, name, l0), at_l0(other, name, l0)
        if a is not None and b is not None:
            pairs.append((l0, a, b))
    return Comparison(what, first, pairs)


def _mean(points: Sequence[Mapping[str, float]], name: str) -> float:
    return float(np.mean([point[name] for point in points]))


def stack(trained: Trained, stacked: Facts) -> list[Row]:
    """A second SAE for what a frozen first one leaves."""
    first = trained.facts[f"l1 {MIDDLE}"].quality
    alone = at_l0(trained.ladder("l1"), "fvu", stacked.quality.l0)
    return [
        Row(
            "stack of two",
            "the error falls, and L0 grows by that of the second",
            f"FVU {first.fvu:.3f} -> {stacked.quality.fvu:.3f}, L0 {first.l0:.1f} -> {stacked.quality.l0:.1f}; one SAE "
            f"at this L0: " + ("not measured" if alone is None else f"FVU {alone:.3f}"),
            stacked.quality.fvu < first.fvu and stacked.quality.l0 > first.l0,
        )
    ]


def fine_tuning(trained: Trained) -> list[Row]:
    """A factor per feature that makes up for L1's shrinkage, the encoder frozen."""
    name = f"l1 {MIDDLE}"
    model, before = trained.models[name], trained.facts[name]
    tuned = least_squares(model, trained.inputs.training[:40_000].split(4000)).sae
    after = measure(tuned, trained.inputs.held_out)
    gain = 1 - after.quality.mse / before.quality.mse
    same: NDArray[np.bool_] = after.n_active == before.n_active
    return [
        Row(
            "factors after training",
            "the error falls (9 % in the source), L2 ratio rises, L0 stays",
            f"MSE {-gain:+.1%}, L2 ratio {before.quality.l2_ratio:.3f} -> {after.quality.l2_ratio:.3f}, L0 "
            f"{before.quality.l0:.2f} -> {after.quality.l0:.2f}",
            gain > 0 and after.quality.l2_ratio > before.quality.l2_ratio and bool(same.all()),
        )
    ]
