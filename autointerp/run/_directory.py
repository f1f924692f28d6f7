"""A run directory: where each file is, what is done, and who may write."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from autointerp.errors import UsageError
from autointerp.run._atomic import write_text
from autointerp.run._manifest import SCHEMA_VERSION, Manifest


def default_run(named_after: str | Path) -> Path:
    """Where a run goes when nobody says: a folder in ``runs/``, whatever the name.

    Args:
        named_after: The SAE, or the file, whose name it gets; ``.`` and ``..`` have names, too.
    """
    path = Path(named_after)
    if path.name in ("", ".."):
        path = path.resolve()
    return Path("runs") / (path.stem if path.stem.strip(".") else path.name or "run")


class RunDirectory:
    """One run's files under one folder; the names of design and documentation are attributes here."""

    def __init__(self, path: Path | str) -> None:
        """Args: the folder, which need not exist yet."""
        self.path = Path(path)
        self.manifest_file = self.path / "run.json"
        self.windows = self.path / "windows"
        self.harvest = self.path / "harvest"
        self.features = self.path / "features.parquet"
        self.contexts = self.path / "contexts.parquet"
        self.journal = self.path / "journal.sqlite3"
        self.labels = self.path / "labels.parquet"
        self.labels_csv = self.path / "labels.csv"
        self.scores = self.path / "scores.parquet"
        self.scores_csv = self.path / "scores.csv"
        self.summary = self.path / "summary.json"
        self.reliability = self.path / "reliability.json"
        self.report = self.path / "report"
        self.view = self.path / "view"

    def __repr__(self) -> str:
        """The folder, as a call."""
        return f"RunDirectory({str(self.path)!r})"

    @property
    def exists(self) -> bool:
        """Whether a run was started here."""
        return self.manifest_file.exists()

    def find(self, recorded: str) -> str:
        """Where an SAE lies now that the manifest names as the user did then.

        A relative name was meant from a working folder, which need not be the present one: a folder that the run lies
        in is as good. A run that was moved with its SAE has it in ``sae``.

        Args:
            recorded: A path or another name.

        Returns:
            The first place where there is anything; else the name as it is.
        """
        path = self.path.absolute()
        places = [Path(recorded), *(folder / recorded for folder in path.parents), path / "sae"]
        return str(next((place for place in places if place.exists()), recorded))

    @classmethod
    def open(cls, path: Path | str) -> RunDirectory:
        """An existing run.

        Raises:
            UsageError: There is none, or its manifest can't be read.
        """
        run = cls(path)
        if not run.exists:
            raise UsageError(
                f"{run.path}: no run here (run.json is missing). "
                f"Make one with 'autointerp label --sae PATH --out {run.path}'."
            )
        run.read_manifest()
        return run

    def read_manifest(self) -> Manifest:
        """``run.json``, validated.

        Raises:
            UsageError: The file is broken or of a newer version.
        """
        try:
            raw = json.loads(self.manifest_file.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise UsageError(
                f"{self.manifest_file}: can't be read ({error}). Remove the run or restore the file."
            ) from error
        version = raw.get("schema_version") if isinstance(raw, dict) else None
        if version != SCHEMA_VERSION:
            raise UsageError(
                f"{self.manifest_file}: schema_version is {version!r}, this autointerp reads {SCHEMA_VERSION}."
            )
        try:
            return Manifest.model_validate(raw)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise UsageError(
                f"{self.manifest_file}: {where}: {first['msg']}. Remove the run or restore the file."
            ) from error

    def write_manifest(self, manifest: Manifest) -> None:
        """Replace ``run.json`` atomically."""
        write_text(self.manifest_file, manifest.model_dump_json(indent=2) + "\n")

    def update(self, change: Callable[[Manifest], None]) -> Manifest:
        """Read, change, write.

        Args:
            change: Edits the manifest in place.
        """
        manifest = self.read_manifest() if self.exists else Manifest()
        change(manifest)
        self.write_manifest(manifest)
        return manifest

    def is_done(self, stage: str) -> bool:
        """Whether a stage finished, and what it wrote is still there."""
        return (
            self.exists and stage in self.read_manifest().stages and all(one.exists() for one in self._made_by(stage))
        )

    def _made_by(self, stage: str) -> list[Path]:
        """The files that a stage leaves."""
        windows = [self.windows / name for name in ("meta.json", "tokens.npy", "index.parquet", "documents.parquet")]
        harvest = [self.harvest / name for name in ("meta.json", "explain.npz", "score.npz")]
        made = {
            "windows": windows,
            "harvest": [self.features, *harvest],
            "contexts": [self.contexts],
            "labels": [self.labels],
            "scores": [self.scores],
        }
        return made.get(stage, [])

    def finish(self, stage: str, seconds: float) -> None:
        """Record that a stage is done.

        Args:
            stage: Its name (see ``Manifest.stages``).
            seconds: Work time of this part; added to what earlier parts took.
        """

        def change(manifest: Manifest) -> None:
            manifest.stages[stage] = datetime.now(UTC).isoformat(timespec="seconds")
            manifest.seconds[stage] = round(manifest.seconds.get(stage, 0.0) + seconds, 3)

        self.update(change)
