"""``demo``: the main job on what is at hand, from training an SAE to a page of labels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from autointerp.run import Progress, RunDirectory, Silence
from autointerp.train import TrainingConfig
from autointerp.verbs._export import report
from autointerp.verbs._label import label
from autointerp.verbs._score import score
from autointerp.verbs._train import train

DEMO_TRAINING = TrainingConfig(
    model="bundled",
    hook_point="blocks.1.hook_resid_post",
    corpus="python",
    context_length=128,
    n_tokens=400_000,
    n_train=1_200_000,
    expansion=4,
    l1_coefficient=5.0,
    batch_size=1024,
    resample_every=100,
)
"""The demo's SAE: 4x over the residual stream in the middle of the bundled model."""

DEMO_TOKENS = 400_000
DEMO_FEATURES = "top25,bottom25,random:100"


@dataclass(frozen=True)
class DemoResult:
    """Where the demo put things, and what it found."""

    run: Path
    labels: pd.DataFrame
    scores: pd.DataFrame
    page: Path


def demo(out: str | Path = "runs/demo", *, progress: Progress | None = None) -> DemoResult:
    """Train an SAE on the bundled model and Python's own text, label and score its features, write the page.

    Parts that are done are not done again, so a demo that was stopped goes on where it was.

    Args:
        out: The run directory; the SAE goes into ``sae/`` inside it.
        progress: Listener.

    Returns:
        The run's folder, labels, scores and page.
    """
    progress = progress or Silence()
    run = RunDirectory(out)
    sae_folder = run.path / "sae"
    train(DEMO_TRAINING, sae_folder, resume=True, progress=progress)
    labels = label(
        sae_folder, run.path, llm="rules", features=DEMO_FEATURES, n_tokens=DEMO_TOKENS, resume=True, progress=progress
    )
    assert isinstance(labels, pd.DataFrame)
    scores = score(run.path, progress=progress)
    return DemoResult(run.path, labels, scores, report(run.path))
