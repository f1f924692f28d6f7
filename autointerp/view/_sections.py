"""What only the SAE and the model can tell: how tokens are spelt, what directions promote, which features are near."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from autointerp.errors import AutointerpError
from autointerp.run import Progress, Tick
from autointerp.view._cache import kept
from autointerp.view._contexts import Pieces
from autointerp.view._lens import logits_of
from autointerp.view._machine import Machine
from autointerp.view._neighbours import by_decoder, by_firing
from autointerp.view._opened import Opened

VERSION = 1
"""Changes whenever the same inputs could give other numbers."""
PENDING = "still being computed; open the page again in a moment"

_STOPPED = "the viewer was closed"


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
        machine, features, manifest = self._machine, self._opened.detailed, self._opened.manifest
        model = [manifest.model.fingerprint, manifest.model.hook_point] if manifest.model else None
        weights = manifest.sae.sha256 if manifest.sae else None
        windows = manifest.corpus.fingerprint if manifest.corpus else None
        try:
            pieces = self._section("more", [model], self._spell)
            self.pieces = dict(enumerate(pieces)) if pieces is not None else None
            both, found = [weights, model, features], self._found
            found["decoder"] = self._section("decoder", [weights, features], partial(by_decoder, machine, features))
            found["logits"] = self._section("logits", both, partial(logits_of, machine, features))
            found["coactive"] = self._section("coactive", [*both, windows], self._firing)
        finally:
            self._done.set()

    def of(self, feature: int) -> dict[str, Any]:
        """A feature's own, by section; under ``missing`` what is not there and why."""
        own = {name: (values or {}).get(str(feature)) for name, values in self._found.items()}
        return {**own, "missing": dict(self.missing)}

    def on_demand(self, feature: int) -> dict[str, Any]:
        """As ``of``, for a feature that ``compute`` left out: what takes no pass over the text is computed now."""
        own: dict[str, Any] = {"missing": dict(self.missing)}
        own["missing"]["coactive"] = "only computed for selected features"
        for name, compute in (("decoder", by_decoder), ("logits", logits_of)):
            try:
                own[name] = compute(self._machine, [feature], _silent)[str(feature)]
            except (AutointerpError, RuntimeError) as error:
                own["missing"][name] = str(error)
        return own

    def _section(self, name: str, depends_on: Sequence[object], compute: Callable[[Tick], Any]) -> Any:
        if self._stopped.is_set():
            return None
        try:
            found = kept(self._opened.run.view, name, [VERSION, *depends_on], partial(self._watched, name, compute))
        except (AutointerpError, ValueError, RuntimeError) as error:  # torch's own are RuntimeErrors
            self.missing[name] = str(error)
            return None
        self.missing.pop(name, None)
        return found

    def _watched(self, name: str, compute: Callable[[Tick], Any]) -> Any:
        """Compute, with progress, unless it is stopped."""
        with self._progress.stage(name, "done") as tick:

            def checked(done: int, total: int, note: str = "") -> None:
                if self._stopped.is_set():
                    raise RuntimeError(_STOPPED)
                tick(done, total, note)

            return compute(checked)

    def _firing(self, tick: Tick) -> Any:
        return by_firing(self._opened, self._machine, self._opened.detailed, tick)

    def _spell(self, tick: Tick) -> list[str]:
        subject = self._machine.subject
        pieces = subject.pieces(range(subject.d_vocab))
        tick(len(pieces), len(pieces))
        return pieces


def _silent(done: int, total: int, note: str = "") -> None:
    del done, total, note
