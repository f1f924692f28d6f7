"""What is lost when weak activations, or frequent features, are removed: error and loss against L0, for several SAEs.

The experiment of Riggs Smith and Brinkmann ("Improving SAEs by sqrt()-ing L1 & removing lowest activating features",
2024), and Marks's comparison of removing frequent features with training at a higher coefficient.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import pandas as pd
import torch

from autointerp.evaluate._estimates import Estimate, TokenMeans
from autointerp.evaluate._figure import COLOURS, LINES, MARKERS, new_figure
from autointerp.evaluate._findings import Findings, Picture, Table
from autointerp.evaluate._setting import Batch, Setting, Site
from autointerp.evaluate._splice import added_loss, predict
from autointerp.evaluate._suite import NotMeasurable
from autointerp.evaluate.suites._rules import Rule, join, removal_rules
from sae import SparseActs

N_TOKENS = 12_000
"""Every rule and setting runs the model over so many tokens at most."""
_METRICS = ("l0", "mse", "ce_difference")


@dataclass(frozen=True)
class _Point:
    """An SAE with a rule at a setting; its means have this name in front."""

    site: Site
    rule: Rule | None
    """None: nothing is removed."""
    setting: float

    @property
    def name(self) -> str:
        return f"{self.site.name}|{self.rule.name if self.rule else 'none'}|{self.setting!r}|"


@dataclass
class Curves:
    """The means of every point; tested on their own."""

    means: TokenMeans
    points: list[_Point] = field(default_factory=list)

    def at(self, point: _Point, metric: str) -> Estimate:
        """One metric at one point."""
        return self.means.mean(point.name + metric)

    def of(self, site: Site, rule: Rule) -> list[_Point]:
        """The points of a curve, from everything kept to least."""
        return [point for point in self.points if point.site is site and point.rule in (None, rule)]

    def on(self, site: Site, rule: Rule, metric: str) -> Callable[[Mapping[str, float], float], float]:
        """A curve as a function of all means and of L0, linear between its points."""
        names = [point.name for point in self.of(site, rule)]

        def interpolate(means: Mapping[str, float], l0: float) -> float:
            pairs = sorted((means[name + "l0"], means[name + metric]) for name in names)
            return float(np.interp(l0, [pair[0] for pair in pairs], [pair[1] for pair in pairs]))

        return interpolate


@torch.no_grad()
def measure(setting: Setting) -> Findings:
    """Measure."""
    if setting.subject.kind == "encoder":
        raise NotMeasurable("The loss against L0 needs a model that predicts the next token; this is an encoder.")
    setting = setting.at_most(N_TOKENS)
    curves = Curves(TokenMeans())
    rules = {}
    for site in setting.sites:
        rules[site.name] = removal_rules(_reference(setting, site))
        points = [_Point(site, None, 0.0)]
        points += [_Point(site, rule, value) for rule in rules[site.name] for value in rule.settings]
        curves.points += points
        for batch in setting.batches(f"removal {site.name}"):
            _measure_batch(setting, batch, points, curves.means)
    return _describe(setting.sites, rules, curves)


def _reference(setting: Setting, site: Site) -> SparseActs:
    return join(
        site.model.encode_sparse(site.subject.residuals(batch.tokens)[batch.kept])
        for batch in setting.batches(f"removal {site.name}, reference")
    )


def _measure_batch(setting: Setting, batch: Batch, points: Sequence[_Point], means: TokenMeans) -> None:
    site, clusters = points[0].site, setting.clusters(batch.rows)
    x = site.subject.residuals(batch.tokens)[batch.kept]  # [n, d_in]
    acts = site.model.encode_sparse(x)
    original = predict(site.subject, batch)
    for point in points:
        left = acts if point.rule is None else point.rule.remove(acts, point.setting)
        dense = x.new_zeros(left.n_rows, left.d_sae)
        dense[left.row, left.feature] = left.value.to(dense.dtype)
        reconstruction = site.model.decode(dense, x=x)
        active = torch.bincount(left.row, minlength=left.n_rows).double()
        error = (reconstruction - x).double().square().mean(dim=1)
        means.add(point.name + "l0", batch.spread(active), batch.kept, clusters)
        means.add(point.name + "mse", batch.spread(error), batch.kept, clusters)
        means.add(
            point.name + "ce_difference",
            added_loss(site.subject, batch, reconstruction, original),
            original.counts,
            clusters,
        )


def _describe(sites: Sequence[Site], rules: Mapping[str, list[Rule]], curves: Curves) -> Findings:
    found = Findings()
    first = sites[0]
    whole = curves.points[0].name
    for rule in rules[first.name]:
        for metric, words in (("mse", "squared error a dimension"), ("ce_difference", "added loss, nats a token,")):
            curve = curves.on(first, rule, metric)
            half = curves.means.of(partial(_at_half, curve, whole), rests_on=whole + metric)
            found.number(
                f"{metric}_at_half_l0_{rule.name}",
                half,
                f"The {words} when half of the activations are gone: {rule.title}.",
            )
    found.tables["curves"] = Table(
        pd.DataFrame([_row(curves, point) for point in curves.points]),
        "One row an SAE, rule and setting: what is left (L0), and what it costs, with standard errors over documents.",
    )
    found.pictures["curves"] = _picture(sites, rules, curves)
    if rows := [row for other in sites[1:] if (row := _against(curves, first, rules[first.name][-1], other))]:
        found.tables["frequent_against_trained"] = Table(
            pd.DataFrame(rows),
            f"Frequent features removed from {first.name} until its L0 is that of an SAE trained to be sparser: whose "
            "error is lower, whose loss? Differences are removed minus trained.",
        )
    else:
        found.notes.append(
            "No sparser SAE of the same hook point was given, so the removal of frequent features is compared with no "
            "training at a higher coefficient."
        )
    return found


def _row(curves: Curves, point: _Point) -> dict[str, object]:
    row: dict[str, object] = {
        "sae": point.site.name,
        "rule": point.rule.name if point.rule else "none",
        "setting": point.setting,
    }
    for metric in _METRICS:
        row |= curves.at(point, metric).columns(metric)
    return row


def _against(curves: Curves, first: Site, frequent: Rule, other: Site) -> dict[str, object] | None:
    """Removal from the first SAE against another, trained to the same L0; None where that L0 is not on the curve."""
    trained = next(point for point in curves.points if point.site is other)
    there = curves.at(trained, "l0").value
    on_curve = [curves.at(point, "l0").value for point in curves.of(first, frequent)]
    if other.subject.hook_point != first.subject.hook_point or not min(on_curve) <= there < max(on_curve):
        return None
    row: dict[str, object] = {"removed_from": first.name, "trained": other.name, "l0": there}
    for metric in _METRICS[1:]:
        removed_minus_trained = partial(_difference, curves.on(first, frequent, metric), trained.name, metric)
        difference = curves.means.of(removed_minus_trained, rests_on=trained.name + metric)
        value = curves.at(trained, metric).value
        row |= {
            f"{metric}_removed": value + difference.value,
            f"{metric}_trained": value,
            f"{metric}_difference": difference.value,
            f"{metric}_difference_se": difference.standard_error,
        }
    return row


_Curve = Callable[[Mapping[str, float], float], float]


def _at_half(curve: _Curve, whole: str, means: Mapping[str, float]) -> float:
    return curve(means, means[whole + "l0"] / 2)


def _difference(curve: _Curve, trained: str, metric: str, means: Mapping[str, float]) -> float:
    return curve(means, means[trained + "l0"]) - means[trained + metric]


def _picture(sites: Sequence[Site], rules: Mapping[str, list[Rule]], curves: Curves) -> Picture:
    figure, axes = new_figure(1, 2, width=8.6, height=4.0)
    for axis, metric, title in zip(
        axes[0], _METRICS[1:], ("mean squared error a dimension", "added loss (nats a token)"), strict=True
    ):
        for number, site in enumerate(sites):
            for look, rule in enumerate(rules[site.name]):
                points = curves.of(site, rule)
                axis.plot(
                    [curves.at(point, "l0").value for point in points],
                    [curves.at(point, metric).value for point in points],
                    color=COLOURS[look],
                    marker=MARKERS[look],
                    linestyle=LINES[number % len(LINES)],
                    label=rule.title if len(sites) == 1 else f"{site.name}: {rule.title}",
                )
        axis.set_xlabel("L0 (features left a token)")
        axis.set_ylabel(title)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2 if len(sites) > 1 else 3, fontsize=8)
    return Picture(
        figure,
        "Error and loss as activations are removed",
        "From right to left more is removed, by the rule named; the lower curve at the same L0 loses less. If weak "
        "activations were noise, curves would stay flat or fall at first.",
    )
