"""The run's SAE and language model, loaded when they are first needed, and never fetched."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import torch

from autointerp.errors import AutointerpError, MismatchError, UsageError
from autointerp.subject import BridgeSubject, load_subject
from autointerp.view._opened import Opened
from sae import SAE, SparseActs, load

_T = TypeVar("_T")


class Machine:
    """SAE and subject of one run; each is loaded once, also by several threads, and so is each failure."""

    def __init__(self, opened: Opened, *, sae_path: Path | None = None, device: str = "cpu") -> None:
        """Nothing is loaded yet.

        Args:
            opened: The run.
            sae_path: Where its SAE lies now (default: where the run says, else ``sae`` in the run directory).
            device: Where both run.
        """
        self._opened, self._sae_path, self._device = opened, sae_path, device
        self._loading = threading.Lock()
        self.running = threading.Lock()
        """Held by whoever runs the model: a hook on it serves one."""
        self._sae: SAE | AutointerpError | None = None
        self._subject: BridgeSubject | AutointerpError | None = None

    @property
    def can_run(self) -> bool:
        """Whether there is a chance: the run says what it is of, and the SAE's place is there."""
        manifest = self._opened.manifest
        return None not in (manifest.sae, manifest.model, manifest.corpus) and self._place is not None

    @property
    def _place(self) -> Path | None:
        return next((path for path in self._places if path.exists()), None)

    @property
    def _places(self) -> list[Path]:
        recorded = self._opened.manifest.sae
        if self._sae_path is not None or recorded is None:
            return [path for path in [self._sae_path] if path is not None]
        return [Path(self._opened.run.find(recorded.path))]

    @property
    def sae(self) -> SAE:
        """The SAE.

        Raises:
            AutointerpError: It is not there, can't be read, or is another.
        """
        with self._loading:
            if self._sae is None:
                self._sae = _attempt(self._load_sae, "the SAE")
        return _given(self._sae)

    @property
    def subject(self) -> BridgeSubject:
        """The language model.

        Raises:
            AutointerpError: It is not on this machine, can't be loaded, or is another.
        """
        with self._loading:
            if self._subject is None:
                self._subject = _attempt(self._load_subject, "the model")
        return _given(self._subject)

    def activations(self, tokens: torch.Tensor) -> SparseActs:
        """What fires in some windows.

        Args:
            tokens: int64 [b, t]

        Returns:
            Of b * t rows.

        Raises:
            AutointerpError: SAE or model can't be had.
        """
        model, subject = self.sae, self.subject
        with self.running, torch.no_grad():
            x = subject.residuals(tokens).flatten(0, 1)  # [b, t, d] -> [b * t, d]
            return model.encode_sparse(x.to(model.device))

    def _load_sae(self) -> SAE:
        recorded = self._opened.manifest.sae
        if recorded is None:
            raise UsageError("the run does not say which SAE it is of")
        place = self._place
        if place is None:
            raise UsageError(f"the SAE is not at {self._places[0]} any more; name its place with --sae")
        model = load(place, device=self._device)
        if model.fingerprint() != recorded.sha256:
            raise MismatchError(
                f"the SAE at {place}", expected=recorded.sha256[:16], found=model.fingerprint()[:16],
                hint="Name the place of the run's own with --sae.",
            )  # fmt: skip
        return model

    def _load_subject(self) -> BridgeSubject:
        recorded = self._opened.manifest.model
        if recorded is None:
            raise UsageError("the run does not say which model it is of")
        subject = load_subject(
            recorded.name,
            hook_point=recorded.hook_point,
            weight_processing="compatibility" if recorded.weight_processing == "compatibility" else "raw",
            device=self._device,
            fetch=False,
        )
        if subject.fingerprint != recorded.fingerprint:
            raise MismatchError(
                f"the weights of {recorded.name}", expected=recorded.fingerprint[:24], found=subject.fingerprint[:24],
                hint="They were replaced since the run.",
            )  # fmt: skip
        return subject


def _attempt(loader: Callable[[], _T], what: str) -> _T | AutointerpError:
    """What is loaded, or why it can't be."""
    try:
        return loader()
    except AutointerpError as error:
        return error
    except Exception as error:  # files made by others fail in their own ways, and the pages go on without
        return UsageError(f"{what} can't be loaded ({type(error).__name__}: {error})")


def _given(found: _T | AutointerpError | None) -> _T:
    if isinstance(found, AutointerpError):
        raise found
    assert found is not None
    return found
