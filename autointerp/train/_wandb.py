"""Metrics to Weights & Biases, for those who asked for it."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from autointerp.errors import UsageError


class WandbLog:
    """One run at Weights & Biases; a training that is resumed goes on in the same one."""

    def __init__(self, project: str, *, name: str, run_id: str, config: Mapping[str, Any]) -> None:
        """Open the run.

        Args:
            project: Where it is listed.
            name: What it is called there.
            run_id: Which run to go on with, or to begin.
            config: The training's settings.

        Raises:
            UsageError: wandb is not installed, or refuses (no login, no network).
        """
        try:
            wandb = importlib.import_module("wandb")
        except ImportError as error:
            raise UsageError(
                "wandb_project: wandb is not installed. Install it with: pip install 'autointerp[wandb]', or leave "
                "wandb_project out."
            ) from error
        try:
            self._run: Any = wandb.init(project=project, name=name, id=run_id, config=dict(config), resume="allow")
        except Exception as error:  # wandb has many reasons, and they are the user's to read
            raise UsageError(
                f"wandb_project: wandb can't start ({error}). Log in with 'wandb login', set WANDB_MODE=offline, or "
                "leave wandb_project out."
            ) from error

    def step(self, row: Mapping[str, Any]) -> None:
        """Send one row of the metrics."""
        self._run.log(dict(row), step=row["step"])

    def finish(self, evaluation: Mapping[str, Any] | None) -> None:
        """Send the evaluation, and close the run."""
        if evaluation is not None:
            self._run.summary.update({"evaluation": dict(evaluation)})
        self._run.finish()
