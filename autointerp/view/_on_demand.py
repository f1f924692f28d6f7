"""Contexts of a feature that nobody selected, made when somebody looks at it."""

from __future__ import annotations

import tempfile
from pathlib import Path

from autointerp.harvest import Context, ContextConfig, load_contexts, write_contexts
from autointerp.run import RunDirectory
from autointerp.view._machine import Machine
from autointerp.view._opened import Opened


def contexts_now(opened: Opened, machine: Machine, feature: int) -> list[Context]:
    """The contexts that the feature would have if it had been selected; the run stays as it is.

    Args:
        opened: The run.
        machine: Its SAE and model.
        feature: Its id.

    Raises:
        AutointerpError: SAE, model, windows or harvest can't be had, or do not belong together.
    """
    model, subject = machine.sae, machine.subject
    with tempfile.TemporaryDirectory(prefix="autointerp-view-") as folder:
        beside = RunDirectory(opened.run.path)
        beside.contexts = Path(folder) / "contexts.parquet"
        with machine.running:
            write_contexts(
                beside, [feature], model=model, subject=subject, windows=opened.windows,
                config=ContextConfig(seed=opened.manifest.seed),
            )  # fmt: skip
        return load_contexts(beside).get(feature, [])
