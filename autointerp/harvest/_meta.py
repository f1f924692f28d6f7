"""``harvest/meta.json``: what a harvest was made from, so that a resumed one can't mix two."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError

from autointerp.errors import MismatchError, UsageError
from autointerp.harvest._config import HarvestConfig
from autointerp.harvest._spec import SketchSpec
from autointerp.run import write_text

if TYPE_CHECKING:
    import sae
    from autointerp.corpus import Windows
    from autointerp.subject import Subject


class HarvestMeta(BaseModel):
    """Identity of everything that decides a harvest's numbers."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: int = 1
    model_fingerprint: str
    hook_point: str
    weight_processing: str
    sae_fingerprint: str
    d_sae: int
    windows_fingerprint: str
    context_length: int
    prepend_bos: bool
    config: HarvestConfig

    @classmethod
    def of(cls, *, model: sae.SAE, subject: Subject, windows: Windows, config: HarvestConfig) -> HarvestMeta:
        """Describe a harvest that is about to run."""
        return cls(
            model_fingerprint=subject.fingerprint,
            hook_point=subject.hook_point,
            weight_processing=subject.weight_processing,
            sae_fingerprint=model.fingerprint(),
            d_sae=model.cfg.d_sae,
            windows_fingerprint=windows.fingerprint,
            context_length=windows.context_length,
            prepend_bos=windows.prepend_bos,
            config=config,
        )

    @classmethod
    def read(cls, path: Path) -> HarvestMeta:
        """Read ``meta.json``.

        Raises:
            UsageError: It is missing, broken, or of another version.
        """
        try:
            return cls.model_validate_json(path.read_text(encoding="utf-8"))
        except (OSError, ValidationError) as error:
            reason = str(error).splitlines()[0]
            raise UsageError(f"{path}: can't be read ({reason}). Remove {path.parent}, and harvest again.") from error

    def record(self, path: Path) -> None:
        """Write ``meta.json``, or compare with the one that is there.

        Raises:
            MismatchError: The folder holds a harvest of other inputs; names the first that differs.
        """
        if not path.exists():
            write_text(path, self.model_dump_json(indent=2) + "\n")
            return
        self.compare(HarvestMeta.read(path), where=str(path.parent))

    def compare(self, recorded: HarvestMeta, *, where: str) -> None:
        """Hold what is given now against what was recorded.

        Raises:
            MismatchError: They differ; names the first difference.
        """
        before, now = _flat(recorded), _flat(self)
        for name, value in now.items():
            if before[name] != value:
                hint = "Give the inputs that the harvest was made with, or start a new run directory."
                raise MismatchError(f"{where}: {name} of this harvest", expected=before[name], found=value, hint=hint)

    def spec(self) -> SketchSpec:
        """The shape of this harvest's sketches."""
        return SketchSpec(
            d_sae=self.d_sae,
            context_length=self.context_length,
            seed=self.config.seed,
            k_top=self.config.k_top,
            k_sample=self.config.k_sample,
            dead_threshold=self.config.dead_threshold,
            source=hashlib.sha256(self.model_dump_json().encode("utf-8")).hexdigest(),
        )


def _flat(meta: HarvestMeta) -> dict[str, object]:
    fields = {name: getattr(meta, name) for name in HarvestMeta.model_fields if name != "config"}
    return fields | {f"config.{name}": value for name, value in asdict(meta.config).items()}
