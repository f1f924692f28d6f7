"""One null's SAE, subject and text."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import sae
from autointerp.corpus import Windows
from autointerp.errors import UsageError
from autointerp.harvest import load_features
from autointerp.label import select_features
from autointerp.run import Progress, RunDirectory
from autointerp.score.nulls._random_directions import random_directions
from autointerp.score.nulls._shuffled_activations import shuffle_activations
from autointerp.score.nulls._trained import null_recipe, train_null
from autointerp.subject import BridgeSubject, reinitialise


@dataclass(frozen=True)
class Parts:
    """What a run is made from."""

    model: sae.SAE
    subject: BridgeSubject
    windows: Windows
    device: str
    drop_bos: bool
    """Whether BOS and the first position of a window count in no statistic."""
    seed: int


def build_null(
    name: str, real: Parts, *, run: RunDirectory, n_features: int, folder: Path, progress: Progress
) -> Parts:
    """Replace one thing in a run's parts.

    Args:
        name: Of the null.
        real: The run's own parts; the subject is changed in place where it is what the null replaces.
        run: The real run, harvested.
        n_features: How many features the null is about.
        folder: Where the null's SAE is, or is to be, where it has one of its own.
        progress: Listener.

    Raises:
        UsageError: The run has no live feature to match.
    """
    if name == "shuffled_activations":
        return replace(real, windows=shuffle_activations(real.windows, seed=real.seed))
    if name == "reinitialised_model":
        reinitialise(real.subject, seed=real.seed)
    if (folder / "cfg.json").exists():
        return replace(real, model=sae.load(folder, device=real.device))
    features, metadata = load_features(run), real.model.cfg.metadata
    if name == "random_directions":
        chosen = select_features(features, f"random:{n_features}", seed=real.seed).groups[f"random:{n_features}"]
        if not chosen:
            raise UsageError(f"{run.path}: no feature fires often enough to be compared with random directions.")
        densities = features.set_index("feature")["density"][chosen].tolist()
        with progress.stage("thresholds", "activations") as tick:
            model = random_directions(
                densities, metadata, subject=real.subject, windows=real.windows, drop_bos=real.drop_bos,
                seed=real.seed, progress=tick,
            )  # fmt: skip
    else:
        recipe = null_recipe(
            d_sae=real.model.cfg.d_sae,
            l0=float(features["density"].sum()),
            n_vectors=real.windows.n_tokens - real.windows.n_windows * int(real.drop_bos),
            device=real.device,
            seed=real.seed,
        )
        with progress.stage("training", "activations") as tick:
            model = train_null(
                recipe, metadata, subject=real.subject, windows=real.windows, drop_bos=real.drop_bos,
                frozen_decoder=name == "frozen_random_decoder", progress=tick,
            )  # fmt: skip
    sae.save(model, folder)
    return replace(real, model=model.to(real.device))
