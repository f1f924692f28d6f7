"""``truth.json``: what was planted in a run directory."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from autointerp.run import write_text

FILE = "truth.json"
Sort = Literal["single", "union", "bottom", "position 0", "position twin", "noise"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Part(_Strict):
    """One meaning of a feature."""

    name: str
    """Of the predicate."""
    share: float
    """Of the feature's firings, before noise; and of its energy, but for ``bottom``."""


class Planted(_Strict):
    """One feature."""

    feature: int
    sort: Sort
    mix: str
    """Which comparison it belongs to, such as ``85 / 15``."""
    noise: str
    """Name of the noise level."""
    parts: tuple[Part, ...] = ()
    missed: float = 0.0
    """Chance that it stays silent where a meaning holds."""
    false_rate: float = 0.0
    """Chance that it fires on any other token."""

    @property
    def is_polysemantic(self) -> bool:
        """Whether POLYSEMANTIC is the right verdict; noise has no meaning, so no label can be right."""
        return self.sort in {"union", "bottom", "noise"}


class Meaning(_Strict):
    """What is known of a predicate on this text."""

    name: str
    kind: str
    rule: str | None
    density: float
    """Share of the counted tokens."""
    rule_f1: float | None
    """Of its rule against itself, token by token on the score split."""

    @property
    def is_inside(self) -> bool:
        """Whether the rules labeler's grammar can express it."""
        return self.rule_f1 is not None and self.rule_f1 >= INSIDE_F1


INSIDE_F1 = 0.9


class Truth(_Strict):
    """The whole file."""

    corpus: str
    n_tokens: int
    seed: int
    meanings: tuple[Meaning, ...]
    """Those frequent enough, and not too frequent, to be planted."""
    left_out: tuple[str, ...]
    features: tuple[Planted, ...]

    def write(self, folder: Path) -> None:
        """Write it into a run directory."""
        write_text(folder / FILE, self.model_dump_json(indent=1) + "\n")

    @classmethod
    def read(cls, folder: Path) -> Truth:
        """Read it from a run directory."""
        return cls.model_validate_json((folder / FILE).read_text(encoding="utf-8"))
