"""What the contract tests ask, whom, and how the scripted server has to behave to stand for a real one."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from llm_scripted_server import GOOD, Answer, Call, error
from pydantic import BaseModel, ConfigDict, Field
from real_server import KEY

from autointerp.llm import Message, ProviderSpec, Request, parse_provider

N_CUT = 2
"""A token limit that no reply fits in, not even the double."""


class Named(BaseModel):
    """A reply model with no more bounds than a server with a grammar holds."""

    model_config = ConfigDict(extra="forbid")

    label: str
    kind: Literal["MONO", "POLY"]
    confidence: Annotated[int, Field(ge=1, le=5)]
    evidence: list[int]


@dataclass(frozen=True)
class Endpoint:
    """A server that speaks both protocols."""

    root: str
    close: Callable[[], None]
    """After it, nobody listens there."""

    def spec(self, kind: str) -> ProviderSpec:
        """It, as a provider."""
        return parse_provider(f"{kind}:tiny", base_url=self.root + ("/v1" if kind == "openai" else ""))


@dataclass(frozen=True)
class Row:
    """An attempt in a journal."""

    key: str
    outcome: str
    ask: int
    rung: str
    http_status: int | None
    reason: str
    started: str
    seconds: float


def question(number: int, **more: Any) -> Request:
    """One of many different requests."""
    messages = (Message("system", "You name things."), Message("user", f"question {number}"))
    return Request(messages, Named, tag=f"q{number}", **more)


def journal_rows(journal: Path) -> list[Row]:
    """All attempts, in order; none while the journal is still being made."""
    if not journal.exists():
        return []
    columns = ", ".join(Row.__dataclass_fields__)
    with contextlib.closing(sqlite3.connect(journal)) as plain:
        if not plain.execute("SELECT 1 FROM sqlite_master WHERE name = 'attempts'").fetchone():
            return []
        return [Row(*row) for row in plain.execute(f"SELECT {columns} FROM attempts ORDER BY id")]


def wait_for_rows(journal: Path, n_rows: int) -> None:
    """Wait until a journal that somebody else writes has so many attempts."""
    deadline = time.monotonic() + 120
    while len(journal_rows(journal)) < n_rows:
        assert time.monotonic() < deadline, f"{len(journal_rows(journal))} of {n_rows} attempts in two minutes"
        time.sleep(0.01)


def lifelike(call: Call) -> Answer:
    """Know the key, keep the token limit, fit the schema."""
    if call.headers.get("authorization", call.headers.get("x-api-key", "")).removeprefix("Bearer ") != KEY:
        return error(401, code="authentication_error", message="Invalid API Key")
    limit = call.body.get("max_completion_tokens", call.body.get("max_tokens"))
    if limit <= 2 * N_CUT:
        return Answer(GOOD[:limit], stop="cut", delay_s=0.02)
    return Answer(json.dumps(json.loads(GOOD) | {"label": call.text[-40:]}), delay_s=0.02)
