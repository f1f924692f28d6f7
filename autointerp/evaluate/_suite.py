"""The suites of measurements, by name."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass

from autointerp.errors import UsageError
from autointerp.evaluate._findings import Findings
from autointerp.evaluate._setting import Setting


class NotMeasurable(Exception):  # noqa: N818 - no error: a suite that has nothing to say about this SAE
    """Raised by a suite that can't be measured here; the message is a sentence that says why."""


@dataclass(frozen=True)
class Suite:
    """One suite."""

    name: str
    title: str
    module: str
    """Where its ``measure`` is; imported when it runs."""
    needs_harvest: bool = False
    """Whether it reads the run's sketch."""
    reads_selection: bool = False
    """Whether the features that the run selected change what it finds."""
    compares: bool = False
    """Whether the other SAEs of the setting change what it finds."""
    version: int = 1
    """Goes up when its numbers change, so that older findings are measured again."""

    def measure(self, setting: Setting) -> Findings:
        """Measure.

        Raises:
            NotMeasurable: Not with this SAE or model.
        """
        measure: Callable[[Setting], Findings] = importlib.import_module(self.module).measure
        return measure(setting)


_SUITES = (
    Suite("core", "Reconstruction and loss", "autointerp.evaluate.suites.core", needs_harvest=True),
    Suite("density", "How often features fire", "autointerp.evaluate.suites.density", needs_harvest=True),
    Suite("position", "Features of position", "autointerp.evaluate.suites.position"),
    Suite("removal", "Removing activations", "autointerp.evaluate.suites.removal", compares=True),
    Suite("pareto", "Fronts of sparsity and error", "autointerp.evaluate.suites.pareto", compares=True),
    Suite("features", "What features are about", "autointerp.evaluate.suites.features", needs_harvest=True,
          reads_selection=True),
    Suite("layers", "Along the model", "autointerp.evaluate.suites.layers", compares=True),
    Suite("context", "Position and context length", "autointerp.evaluate.suites.context", compares=True),
    Suite("propagation", "Propagation of errors", "autointerp.evaluate.suites.propagation", compares=True),
    Suite("steering", "Steering and removal of features", "autointerp.evaluate.suites.steering"),
)  # fmt: skip
SUITES = {suite.name: suite for suite in _SUITES}
"""In the order in which they run."""


def choose_suites(names: list[str] | None) -> list[Suite]:
    """The suites asked for, or all.

    Args:
        names: Names, each maybe several with commas between them.

    Raises:
        UsageError: There is no such suite.
    """
    asked = [name.strip() for part in names or [] for name in part.split(",") if name.strip()]
    if unknown := [name for name in asked if name not in SUITES]:
        raise UsageError(f"--suite: no suite {unknown[0]!r}. There are {', '.join(SUITES)}.")
    return [suite for name, suite in SUITES.items() if not asked or name in asked]
