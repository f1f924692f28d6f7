"""The capability ladder of one endpoint: step down when a server refuses, or ignores, how the schema is asked for."""

from __future__ import annotations

import dataclasses
from functools import lru_cache

from pydantic import BaseModel

from autointerp.llm._request import Message, Request, canonical_json
from autointerp.llm._rung import Rung
from autointerp.llm._schema import wire_schema

PATIENCE = 3  # invalid replies in a row at the start before a rung counts as ignored


class Ladder:
    """The rung in use for a model at an endpoint, and how often its replies fit; kept as long as the process."""

    def __init__(self, rungs: tuple[Rung, ...]) -> None:
        """Args: what the provider has, best first."""
        self._rungs = list(rungs)
        self._n_unfit = 0
        self._is_proven = False
        self.n_judged = self.n_invalid = 0

    @property
    def rung(self) -> Rung:
        """The one to use now."""
        return self._rungs[0]

    @property
    def rate(self) -> str:
        """How often replies did not fit, in words; "" when all did."""
        return f"{self.n_invalid} of {self.n_judged} replies did not fit the schema" if self.n_invalid else ""

    def refused(self, rung: Rung) -> str | None:
        """Note that the server refused a rung.

        Returns:
            A sentence for the user when this steps down, "" when somebody else already did; None when it was the last.
        """
        if rung != self.rung:
            return ""
        if len(self._rungs) == 1:
            return None
        return self._step_down(f"the server refuses {rung}")

    def judged(self, rung: Rung, *, is_valid: bool) -> str:
        """Note whether a reply fitted its schema.

        Returns:
            A sentence for the user when this steps down, else "".
        """
        self.n_judged += 1
        self.n_invalid += not is_valid
        if rung != self.rung or self._is_proven:
            return ""
        self._is_proven = is_valid
        self._n_unfit += not is_valid
        if self._n_unfit < PATIENCE or len(self._rungs) == 1:
            return ""
        return self._step_down(f"{self._n_unfit} of {self._n_unfit} replies do not fit the schema under {rung}")

    def _step_down(self, why: str) -> str:
        self._rungs.pop(0)
        self._n_unfit = 0
        return f"{why}: going on with {self.rung}"


def with_schema_in_prompt(request: Request, kind: str) -> Request:
    """The request with its schema written into the system message, the same bytes for all requests of a model."""
    words = (
        "Answer with one JSON object that fits this JSON Schema, and with nothing else:\n"
        f"{_schema_text(request.reply_model, kind)}"
    )
    first, *rest = request.messages
    if first.role == "system":
        messages = (Message("system", f"{first.content}\n\n{words}"), *rest)
    else:
        messages = (Message("system", words), *request.messages)
    return dataclasses.replace(request, messages=messages)


@lru_cache(maxsize=64)
def _schema_text(model: type[BaseModel], kind: str) -> str:
    return canonical_json(wire_schema(model, kind))
