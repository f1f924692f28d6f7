"""All documents of the pages, by name, made when they are first asked for."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from autointerp.errors import UsageError
from autointerp.harvest import Context
from autointerp.view._compare import comparison
from autointerp.view._exchanges import exchanges
from autointerp.view._feature import feature_page
from autointerp.view._listing import listing
from autointerp.view._machine import Machine
from autointerp.view._on_demand import contexts_now
from autointerp.view._opened import Opened
from autointerp.view._pack import to_json
from autointerp.view._run_page import SCHEMA_VERSION, run_page
from autointerp.view._sections import Sections
from autointerp.view._sketches import Sketches

SHARD_SIZE = 4
"""Features in one file of details: each is about 60 kB."""
_KEPT = 64
"""Documents remembered."""
_PATIENCE_S = 10.0
"""How long details wait for what the model computes."""


class Site:
    """One run's documents; may be asked by several threads."""

    def __init__(
        self, opened: Opened, sections: Sections, *, other: Opened | None = None, can_fire: bool = False
    ) -> None:
        """Nothing is made yet.

        Args:
            opened: The run.
            sections: What its model tells, computed by somebody else.
            other: A run to compare it with.
            can_fire: Whether text can be sent to the model.
        """
        self.opened, self._sections, self._other = opened, sections, other
        self._can_fire = can_fire
        self._kept: OrderedDict[str, str] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def names(self) -> list[str]:
        """Of all documents."""
        n_shards = -(-len(self.opened.detailed) // SHARD_SIZE)
        compare = ["compare"] if self._other else []
        return ["run", "listing", *compare, *(f"features/{number}" for number in range(n_shards))]

    def document(self, name: str) -> str:
        """A document as JSON.

        Args:
            name: One of ``names``.

        Raises:
            KeyError: There is none of this name.
            UsageError: A file of the run is broken.
        """
        if name not in self.names:
            raise KeyError(name)
        if name.startswith("features/"):
            self._sections.wait(_PATIENCE_S)
        with self._lock:
            if name in self._kept:
                self._kept.move_to_end(name)
                return self._kept[name]
            is_final = name in ("listing", "compare") or self._sections.is_done
            text = to_json(self._make(name))
            if is_final:
                self._kept[name] = text
                if len(self._kept) > _KEPT:
                    self._kept.popitem(last=False)
            return text

    def _make(self, name: str) -> dict[str, Any]:
        match name:
            case "run":
                return self._run()
            case "listing":
                return listing(self.opened)
            case "compare":
                assert self._other is not None
                return comparison(self.opened, self._other)
        return self._shard(int(name.removeprefix("features/")))

    def any_feature(self, feature: int, machine: Machine) -> str:
        """Details of a feature that was not selected, with contexts made now.

        Args:
            feature: Its id.
            machine: Makes them.

        Returns:
            A document like those of ``features``.

        Raises:
            AutointerpError: There is no such feature, or SAE, model or harvest can't be had.
        """
        self.opened.statistics(feature)
        self._sections.wait(_PATIENCE_S)
        contexts = contexts_now(self.opened, machine, feature)
        own = self._sections.on_demand(feature)
        with self._lock:
            return to_json({"schema": SCHEMA_VERSION, "features": {str(feature): self._page(feature, contexts, own)}})

    def _run(self) -> dict[str, Any]:
        return run_page(
            self.opened, shard_size=SHARD_SIZE, can_fire=self._can_fire, has_compare=self._other is not None,
            notes=self._notes(),
        )  # fmt: skip

    def _notes(self) -> list[str]:
        opened = self.opened
        missing = self._sections.missing if self._sections.is_done else {}
        what = {
            "No features are labelled yet.": not opened.labels,
            "The labels are not scored yet.": bool(opened.labels) and not opened.scores,
            "There are no contexts.": not opened.run.contexts.exists(),
        }
        notes = [sentence for sentence, is_so in what.items() if is_so]
        return [*notes, *dict.fromkeys(f"Not all can be shown: {reason}" for reason in missing.values())]

    def _shard(self, number: int) -> dict[str, Any]:
        opened = self.opened
        features = opened.detailed[number * SHARD_SIZE : (number + 1) * SHARD_SIZE]
        contexts = opened.contexts(features)
        pages = {
            str(feature): self._page(feature, contexts.get(feature, []), self._sections.of(feature))
            for feature in features
        }
        return {"schema": SCHEMA_VERSION, "features": pages}

    def _page(self, feature: int, contexts: Sequence[Context], own: dict[str, Any]) -> dict[str, Any]:
        sketches, gone = self._harvested
        own["missing"] |= gone
        return feature_page(
            self.opened,
            feature,
            contexts,
            sketches=sketches,
            pieces=None if "more" in gone else self._sections.pieces,
            sections=own,
            sent=exchanges(self.opened, feature),
        )

    @cached_property
    def _harvested(self) -> tuple[Sketches | None, dict[str, str]]:
        """What the harvest counted, and which sections miss their files, with the reason."""
        try:
            windows = self.opened.windows
        except UsageError as error:
            return None, dict.fromkeys(("more", "histogram"), str(error))
        try:
            return Sketches.load(self.opened.run, windows), {}
        except UsageError as error:
            return None, {"histogram": str(error)}
