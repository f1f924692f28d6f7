"""A pytest plugin: a team asserts a monosemanticity rate in its own test suite.

It is there wherever autointerp is installed, and costs nothing until a test asks for it::

    def test_the_new_sae_is_no_worse(autointerp):
        autointerp.assert_no_worse("runs/new", baseline="baseline.json", rate="verified")


    @pytest.mark.autointerp(run="runs/new", rate="label")
    def test_most_features_have_a_label(autointerp):
        autointerp.assert_rate(at_least=0.6)

The statistics are the gate's: a failing test is a rate beyond chance, and too few answers fail as well.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from autointerp.gate import GateResult

MARKER = "autointerp(run, baseline, rate, group, margin, min_rate): what the fixture of that name asserts about."


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", MARKER)


@pytest.fixture
def autointerp(request: pytest.FixtureRequest) -> RateAssertions:
    """Assertions about runs; the test's ``autointerp`` marker says what they are about where a call does not."""
    marker = request.node.get_closest_marker("autointerp")
    if marker is not None and marker.args:
        raise pytest.UsageError(f"{request.node.nodeid}: name the arguments of the autointerp marker")
    return RateAssertions(dict(marker.kwargs) if marker is not None else {})


class RateAssertions:
    """What a test can say about a scored run; arguments left out come from the test's marker."""

    def __init__(self, defaults: dict[str, Any]) -> None:
        """Args: the marker's arguments."""
        self._defaults = defaults

    def assert_no_worse(self, run: str | Path | None = None, **options: Any) -> GateResult:
        """Hold a run against a baseline.

        Args:
            run: A scored run directory.
            **options: Those of ``autointerp.gate``: ``baseline``, ``rate``, ``group``, ``margin``, ``min_rate``.

        Returns:
            The verdict with its numbers, where it is a pass.

        Raises:
            AssertionError: The gate fails, or has too few answers for a verdict.
            UsageError: An input is wrong, or run and baseline can't be compared.
        """
        from autointerp import verbs

        chosen = self._chosen(run, options)
        result = verbs.gate(**chosen)
        if result.exit_code:
            pytest.fail("\n".join([result.verdict_line(), *result.warnings]), pytrace=False)
        return result

    def assert_rate(self, run: str | Path | None = None, *, at_least: float, **options: Any) -> float:
        """Hold a run against a number.

        Args:
            run: A scored run directory.
            at_least: The rate it must reach, as a share. A lower one fails when its one-sided 95 % upper bound is
                lower, too.
            **options: ``rate`` (``verified``) and ``group`` (the first ``random:N``).

        Returns:
            The rate.

        Raises:
            AssertionError: The rate is too low, or too few features have an answer.
            UsageError: An input is wrong.
        """
        from autointerp.gate import hold
        from autointerp.run import RunDirectory

        chosen = self._chosen(run, options)
        directory = RunDirectory.open(chosen["run"])
        floor = hold(directory, at_least, rate=chosen.get("rate", "verified"), group=chosen.get("group"))
        if not floor.is_answered:
            pytest.fail(f"{floor.describe()}; only {floor.found.coverage:.0%} have an answer", pytrace=False)
        if floor.is_missed:
            pytest.fail(f"{floor.describe()}, and by more than chance explains", pytrace=False)
        return floor.found.n_yes / len(floor.found.given)

    def _chosen(self, run: str | Path | None, options: dict[str, Any]) -> dict[str, Any]:
        chosen = {**self._defaults, **options}
        if run is not None:
            chosen["run"] = run
        if "run" not in chosen:
            raise pytest.UsageError("name a run directory: in the call, or in the test's autointerp marker")
        return chosen
