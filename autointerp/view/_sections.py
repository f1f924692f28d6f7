"""What only the SAE and the model can tell: how tokens are spelt, what directions promote, which features are near."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from autointerp.errors import AutointerpError
from autointerp.run import Progress
from autointerp.view._cache import kept
from autointerp.view._contexts import Pieces
from autointerp.view._lens import logits_of
from autointerp.view._machine import Machine
from autointerp.view._neighbours import by_decoder, by_firing
from autointerp.view._opened import Opened

VERSION = 1
"""Changes whenever the same inputs could give other numbers."""
PENDING = "still being computed; open the page again in a moment"


class Sections:
    """Filled by ``compute``, in this thread or another; whatever can't be had is missing, with its reason."""

    def __init__(self, opened: Opened, machine: Machine, progress: Progress) -> None:
        """Nothing is computed yet.

        Args:
            opened: The run.
            machine: Its SAE and model.
            progress: Listener.
        """
        self._opened, self._machine, self._progress = opened, machine, progress
        self.pieces: Pieces | None = None
        """Token id -> text."""
        self.missing: dict[str, str] = dict.fromkeys(("more", "logits", "decoder", "coactive"), PENDING)
        """Section -> why it is not there."""
        self._found: dict[str, dict[str, Any] | None] = {}
        self._done = threading.Event()
        self._stopped = threading.Event()

    @property
    def is_done(self) -> bool:
        """Whether all is computed that can be."""
        return self._done.is_set()

    def wait(self, timeout_s: float) -> None:
        """Wait for ``compute`` in another thread to end, but not for long."""
        self._done.wait(timeout_s)

    def stop(self) -> None:
        """Make ``compute`` in another thread end soon."""
        self._stopped.set()

    def compute(self) -> None:
        """Everything, from the run directory where it was kept there."""
        opened, machine = self._opened, self._machine
        features = opened.detailed
        manifest = opened.manifest
        model = [manifest.model.fingerprint, manifest.model.hook_point] if manifest.model else None
        weights = manifest.sae.sha256 if manifest.sae else None
        windows = manifest.corpus.fingerprint if manifest.corpus else None
        try:
            pieces = self._section("more", [model], self._spell)
            self.pieces = dict(enumerate(pieces)) if pieces is not None else None
            both = [weights, model, features]
            found = self._found
            found["decoder"] = self._section("decoder", [weights, features], lambda: by_decoder(machine, features))
            found["logits"] = self._section("logits", both, lambda: logits_of(machine, features))
            found["coactive"] = self._section("coactive", [*both, windows], self._firing)
        finally:
            self._done.set()

    def of(self, feature: int) -> dict[str, Any]:
        """A feature's own, by section; under ``missing`` what is not there and why."""
        own = {name: (values or {}).get(str(feature)) for name, values in self._found.items()}
        return {**own, "missing": dict(self.missing)}

    def _section(self, name: str, depends_on: Sequence[object], compute: Callable[[], Any]) -> Any:
        if not self._opened.detailed or self._stopped.is_set():
            return None
        try:
            found = kept(self._opened.run.view, name, [VERSION, *depends_on], compute)
        except (AutointerpError, ValueError, RuntimeError) as error:  # torch's own are RuntimeErrors
            self.missing[name] = str(error)
            return None
        del self.missing[name]
        return found

    def _spell(self) -> list[str]:
        subject = self._machine.subject
        return subject.pieces(range(subject.d_vocab))

    def _firing(self) -> Any:
        with self._progress.stage("co-activation", "windows") as tick:

            def checked(done: int, total: int, note: str = "") -> None:
                if self._stopped.is_set():
                    raise RuntimeError("stopped")
                tick(done, total, note)

            return by_firing(self._opened, self._machine, self._opened.detailed, checked)
