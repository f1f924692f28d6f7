"""What the gate found, and the one line that says it everywhere."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Literal

from autointerp.gate._baseline import Noise, Rate
from autointerp.run import visible

Status = Literal["pass", "fail", "incomplete"]
_EXIT_CODES: dict[Status, int] = {"pass": 0, "fail": 3, "incomplete": 4}


@dataclass(frozen=True)
class Flip:
    """A feature whose answer changed."""

    feature: int
    label_old: str
    label_new: str


@dataclass(frozen=True)
class GateResult:
    """The verdict and every number behind it; changes are new minus old, as shares (not points)."""

    status: Status
    reason: str
    """Why, in one sentence."""
    rate: Rate
    group: str
    paired: bool
    """Whether the same features were compared one by one; otherwise two groups as wholes."""
    n_old: int
    """The baseline's features that entered; the pairs when paired."""
    k_old: int
    """Of these, with the rate's answer yes."""
    n: int
    """The run's features that entered; the pairs when paired."""
    k_new: int
    """Of these, with the rate's answer yes."""
    delta: float | None
    """Change of the rate; None when nothing could be compared, as are the numbers below."""
    low: float | None
    """Lower end of the two-sided interval."""
    high: float | None
    """Upper end of the two-sided interval."""
    upper_one_sided: float | None
    """The change is below this, with the same confidence on one side; what the verdict looks at."""
    p_value: float | None
    """One-sided, of no drop: exact McNemar when paired, Fisher's exact test otherwise."""
    minimum_detectable_effect: float | None
    """The smallest drop told from chance in 80 % of cases with this many features; None where no drop would be."""
    required_n: int | None
    """Features it takes to tell a drop of the margin from chance in 80 % of cases; None where there are enough, or the
    margin is none."""
    margin: float
    """How far the rate may fall."""
    min_rate: float | None
    """What the run's rate must reach, whatever the baseline's was."""
    confidence: float
    """Of intervals and bound."""
    coverage_old: float
    """Share of the baseline's group with an answer (untestable features left out)."""
    coverage_new: float
    """Share of the run's group with an answer (untestable features left out)."""
    corresponding: float
    """Share of the baseline's group found again in the run's SAE and group."""
    untestable_old: int
    """Features of the baseline left out because they can't be tested (rate ``robust``)."""
    untestable_new: int
    """Features of the run left out for that."""
    lost: tuple[Flip, ...]
    """Yes before, no now; empty when not paired."""
    gained: tuple[Flip, ...]
    """No before, yes now; empty when not paired."""
    noise: Noise | None
    """The baseline's measured A/A noise."""
    warnings: tuple[str, ...]
    """What a reader should know before relying on the verdict."""

    @property
    def exit_code(self) -> int:
        """What the command line exits with: 0 pass, 3 fail, 4 incomplete."""
        return _EXIT_CODES[self.status]

    def verdict_line(self) -> str:
        """The verdict in one line: the same on console, in JSON, Markdown and JUnit."""
        return visible(f"gate {self.status.upper()}: {self.reason}; {self._numbers()}")

    def to_json(self) -> str:
        """The verdict with all its numbers, as one JSON object."""
        head = {"schema_version": 1, "verdict": self.verdict_line(), "exit_code": self.exit_code}
        noise = {"noise": self.noise and self.noise.model_dump()}
        return json.dumps(head | asdict(self) | noise, indent=1, allow_nan=False)

    def _floor(self) -> str:
        return "" if self.min_rate is None else f", at least {percent(self.min_rate)}"

    def _numbers(self) -> str:
        if self.delta is None:
            return f"{self.rate} rate of {self.group}: nothing to compare."
        level = f"{self.confidence:.0%}".replace("%", " %")
        n = f"{self.n} features paired" if self.paired else f"{self.n_old} and {self.n} features, not paired"
        return (
            f"{self.rate} rate of {self.group}: {percent(self.k_old / self.n_old)} before, "
            f"{percent(self.k_new / self.n)} now, change {points(self.delta)} points "
            f"({level} interval {points(self.low)} to {points(self.high)}, one-sided upper bound "
            f"{points(self.upper_one_sided)}; p = {_p(self.p_value)}); {n}; "
            f"margin {self.margin * 100:g} points{self._floor()}; "
            f"smallest drop told from chance with 80 % power {_size(self.minimum_detectable_effect)}; "
            f"A/A noise of the judge {_noise(self.noise)}."
        )


def percent(share: float) -> str:
    """A share for readers: ``78.0 %``."""
    return f"{share * 100:.1f} %"


def points(change: float | None) -> str:
    """A change for readers, in percentage points and always signed: ``-1.5``."""
    return "n/a" if change is None else f"{change * 100:+.1f}"


def _size(effect: float | None) -> str:
    return "n/a" if effect is None else f"{effect * 100:.1f} points"


def _p(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.2g}"


def _noise(noise: Noise | None) -> str:
    if noise is None:
        return "not measured"
    return (
        f"{percent(noise.flip_rate)} of {noise.n} features"
        if noise.n
        else f"{percent(noise.flip_rate)} by construction"
    )
