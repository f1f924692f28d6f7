"""A folder a suite: what it found, as files, and whether it still holds."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from autointerp.evaluate._figure import as_png, as_svg
from autointerp.evaluate._findings import Findings
from autointerp.run import RunDirectory, replace_atomically, write_text

Key = dict[str, str | int | bool | list[str]]


class StoredNumber(BaseModel):
    """A number as it lies on disk; nan is null."""

    model_config = ConfigDict(extra="forbid")
    name: str
    value: float | None
    standard_error: float | None
    n: int
    reading: str


class StoredFile(BaseModel):
    """A table or picture as it lies on disk."""

    model_config = ConfigDict(extra="forbid")
    name: str
    """File name without ending, in the suite's folder."""
    title: str
    reading: str


class Stored(BaseModel):
    """``findings.json``, written last: a folder without it is half-written."""

    model_config = ConfigDict(extra="forbid")
    schema_version: int = 1
    suite: str
    title: str
    key: Key
    """Everything that the findings depend on; findings of another key are measured again."""
    numbers: list[StoredNumber] = []
    tables: list[StoredFile] = []
    pictures: list[StoredFile] = []
    notes: list[str] = []
    not_measurable: str = ""
    """Why nothing was measured, where nothing was."""
    seconds: float = 0.0


@dataclass(frozen=True)
class Store:
    """The findings of a run, or of a comparison."""

    folder: Path
    """Holds a folder for each suite."""

    @classmethod
    def of(cls, run: RunDirectory) -> Store:
        """The findings of a run: ``RUN/evaluate``."""
        return cls(run.path / "evaluate")

    def read(self, suite: str) -> Stored | None:
        """What a suite found, if it is there and whole."""
        try:
            return Stored.model_validate_json((self.folder / suite / "findings.json").read_bytes())
        except (OSError, ValidationError):
            return None

    def write(self, stored: Stored, findings: Findings | None) -> Stored:
        """Write a suite's files.

        Args:
            stored: Suite, title, key, seconds, and why nothing was measured, where nothing was.
            findings: What was found, if anything.

        Returns:
            What was written to ``findings.json``.
        """
        folder = self.folder / stored.suite
        (folder / "findings.json").unlink(missing_ok=True)
        found = findings or Findings()
        for name, table in found.tables.items():
            with replace_atomically(folder / f"{name}.parquet") as temporary:
                table.frame.to_parquet(temporary, index=False)
            write_text(folder / f"{name}.csv", table.frame.to_csv(index=False, lineterminator="\n"))
            stored.tables.append(StoredFile(name=name, title=name.replace("_", " "), reading=table.reading))
        for name, picture in found.pictures.items():
            write_text(folder / f"{name}.svg", as_svg(picture.figure))
            with replace_atomically(folder / f"{name}.png") as temporary:
                temporary.write_bytes(as_png(picture.figure))
            stored.pictures.append(StoredFile(name=name, title=picture.title, reading=picture.reading))
        for number in found.numbers:
            values = {key: _finite(value) for key, value in asdict(number.estimate).items()}
            stored.numbers.append(StoredNumber(name=number.name, reading=number.reading, **values))
        stored.notes.extend(found.notes)
        write_text(folder / "findings.json", json.dumps(stored.model_dump(), indent=2) + "\n")
        return stored


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
