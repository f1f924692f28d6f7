"""``meta.json`` of an activation cache: what the activations were made from, and how many are there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from autointerp.errors import MismatchError, UsageError
from autointerp.run import write_text

if TYPE_CHECKING:
    from autointerp.corpus import Windows
    from autointerp.subject import Subject

CacheDtype = Literal["float16", "float32"]


class CacheKey(BaseModel):
    """Everything that decides the cached numbers."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model_fingerprint: str
    hook_point: str
    weight_processing: str
    windows_fingerprint: str
    drop_bos: bool
    dtype: CacheDtype

    @classmethod
    def of(cls, subject: Subject, windows: Windows, *, drop_bos: bool, dtype: CacheDtype) -> CacheKey:
        """Describe the activations that are asked for now."""
        return cls(
            model_fingerprint=subject.fingerprint,
            hook_point=subject.hook_point,
            weight_processing=subject.weight_processing,
            windows_fingerprint=windows.fingerprint,
            drop_bos=drop_bos,
            dtype=dtype,
        )


class CacheMeta(BaseModel):
    """The whole file, replaced whenever more activations are safely on the disk."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: Literal[1] = 1
    key: CacheKey
    d_in: int
    n_windows: int
    n_windows_done: int = 0
    """Windows, from the first on, whose activations are in the file."""

    @property
    def is_complete(self) -> bool:
        """Whether all activations are there."""
        return self.n_windows_done == self.n_windows

    @classmethod
    def read(cls, path: Path) -> CacheMeta:
        """Read ``meta.json``.

        Raises:
            UsageError: It is broken, or of another version.
        """
        try:
            return cls.model_validate_json(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, ValidationError) as error:
            reason = str(error).splitlines()[0]
            raise UsageError(f"{path}: can't be read ({reason}). Remove {path.parent} to cache again.") from error

    def write(self, path: Path) -> None:
        """Replace ``meta.json``."""
        write_text(path, self.model_dump_json(indent=2) + "\n")

    def check(self, wanted: CacheKey, *, where: Path) -> None:
        """Hold the key against what is asked for.

        Raises:
            MismatchError: They differ; names the first field that does, with both values.
        """
        for name in CacheKey.model_fields:
            there, asked = getattr(self.key, name), getattr(wanted, name)
            if there != asked:
                raise MismatchError(
                    f"{where}: {name} of the cached activations, against this training's",
                    expected=there,
                    found=asked,
                    hint="Name another folder with 'cache', or remove this one.",
                )
