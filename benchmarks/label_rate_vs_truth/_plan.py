"""Which SAEs, on which models, judged on how much text."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from autointerp.train import SweepConfig

CONTEXT_LENGTH = 128


@dataclass(frozen=True)
class Site:
    """Where activations come from, and the SAEs that are trained there."""

    name: str
    model: str
    """``bundled`` or a folder."""
    hook_point: str
    corpus: str
    expansions: tuple[int, ...]
    """Widths: d_sae / d_in."""
    coefficients: tuple[float, ...]
    """Of the L1 penalty."""

    @property
    def missing(self) -> list[str]:
        """Files from outside the repository that are not there."""
        files = [] if self.model == "bundled" else [self.model, self.corpus]
        return [file for file in files if not Path(file).exists()]


@dataclass(frozen=True)
class Plan:
    """One size of the experiment."""

    name: str
    sites: tuple[Site, ...]
    n_train: int
    """Activations that each SAE is trained on."""
    n_tokens: int
    """Tokens of each run: SAEs are trained on these, labelled on one half of them and judged on the other."""
    n_random: int
    """Features of a random group, and of each null."""
    n_ends: int
    """Features at each end of the ranking by selectivity."""

    def sweep(self, site: Site) -> SweepConfig:
        """The training of a site's SAEs, in one pass of its model."""
        train: dict[str, Any] = {
            "model": site.model,
            "hook_point": site.hook_point,
            "corpus": site.corpus,
            "context_length": CONTEXT_LENGTH,
            "n_tokens": self.n_tokens,
            "n_train": self.n_train,
            "n_eval": 0,
            "resample_every": 100,
        }
        return SweepConfig(
            train=train, grid={"expansion": list(site.expansions), "l1_coefficient": list(site.coefficients)}
        )

    @property
    def features(self) -> str:
        """The groups of every run: what the seed study took, and a random sample."""
        return f"top{self.n_ends},bottom{self.n_ends},random:{self.n_random}"


def plan(name: str, shared: Path) -> Plan:
    """A size of the experiment by its name.

    Args:
        name: ``all`` is what results hold; ``small`` shows in minutes that everything works, and says nothing of
            features.
        shared: Folder with ``data/models/stories260K`` and a corpus for it, which are no part of the repository.
    """
    model, corpus = shared / "data/models/stories260K", shared / "data/corpora/tinystories_sample.jsonl"
    python = Site("bundled", "bundled", "blocks.1.hook_resid_post", "python", (2, 4, 8), (2.0, 5.0))
    stories = Site("stories260K", str(model), "blocks.2.hook_resid_post", str(corpus), (4, 8, 16), (1.0, 2.5))
    if name == "all":
        return Plan("all", (python, stories), n_train=450_000, n_tokens=150_000, n_random=60, n_ends=25)
    sites = tuple(
        replace(site, expansions=site.expansions[:1], coefficients=site.coefficients[-1:]) for site in (python, stories)
    )
    return Plan("small", sites, n_train=100_000, n_tokens=20_000, n_random=12, n_ends=5)
