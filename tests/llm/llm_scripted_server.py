"""A scripted server on loopback that speaks both providers' protocols."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Annotated, Any, Literal

import llm_canary
from llm_loopback import Loopback, send_head
from pydantic import BaseModel, ConfigDict, Field

from autointerp.llm import Limits, Message, ProviderSpec, Reply, Request, ask, parse_provider

CANARY = llm_canary.CANARY
MODELS = {"openai": "gpt-test", "anthropic": "claude-test"}


class Verdict(BaseModel):
    """A reply model like the real ones."""

    model_config = ConfigDict(extra="forbid")

    label: Annotated[str, Field(min_length=1, max_length=40, description="A few words.")]
    kind: Literal["MONO", "POLY"]
    confidence: Annotated[int, Field(ge=1, le=5)]
    evidence: list[int]


GOOD = '{"label": "dogs", "kind": "MONO", "confidence": 4, "evidence": [1, 2]}'


@dataclass
class Answer:
    """What the server does with one request."""

    text: str = GOOD
    stop: str = "ok"  # ok, cut, refused, filtered
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    """Sent as is, instead of a reply."""
    is_tool_call: bool = False
    """Whether the text is a call's arguments."""
    usage: Any = "usual"
    delay_s: float = 0.0
    manner: str = "whole"  # whole, reset (half the body, then a reset), drip (a byte now and then)


def error(status: int, *, code: str = "", message: str = "no", **headers: str) -> Answer:
    """An error in the shape both providers share."""
    inner = {"message": message, "type": code or "some_error", "code": code or None}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status=status, headers=named, body=json.dumps({"type": "error", "error": inner}).encode())


@dataclass
class Call:
    """What the server was sent."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def text(self) -> str:
        """All message texts."""
        return json.dumps(self.body["messages"]) + json.dumps(self.body.get("system", ""))


class ScriptedServer:
    """Answers from ``script`` in order, then from ``otherwise``."""

    def __init__(self) -> None:
        self.script: list[Answer] = []
        self.otherwise: Callable[[Call], Answer] = lambda _call: Answer()
        self.calls: list[Call] = []
        self.n_at_once = self.most_at_once = 0
        self.ending = threading.Event()
        self._lock = threading.Lock()
        self._loopback = Loopback(self._take)

    @property
    def root(self) -> str:
        return self._loopback.root

    def _take(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        headers = {name.lower(): value for name, value in handler.headers.items()}
        self.serve(handler, Call(handler.path, headers, json.loads(body or b"{}")))

    def serve(self, handler: BaseHTTPRequestHandler, call: Call) -> None:
        with self._lock:
            self.calls.append(call)
            answer = self.script.pop(0) if self.script else self.otherwise(call)
            self.n_at_once += 1
            self.most_at_once = max(self.most_at_once, self.n_at_once)
        try:
            self.ending.wait(answer.delay_s)
            _write(handler, answer, call, self.ending)
        finally:
            with self._lock:
                self.n_at_once -= 1

    def close(self) -> None:
        self.ending.set()
        self._loopback.close()


def _write(handler: BaseHTTPRequestHandler, answer: Answer, call: Call, ending: threading.Event) -> None:
    body = body_of(answer, call.path)
    send_head(handler, answer.status, body, {"request-id": "req-1", **answer.headers})
    if answer.manner == "whole":
        handler.wfile.write(body)
        return
    handler.wfile.write(body[: len(body) // 2])
    handler.wfile.flush()
    deadline = time.monotonic() + 5
    while answer.manner == "drip" and time.monotonic() < deadline and not ending.wait(0.05):
        handler.wfile.write(b" ")
        handler.wfile.flush()
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.close_connection = True


def body_of(answer: Answer, path: str) -> bytes:
    """An answer in the protocol that a path belongs to."""
    if answer.body is not None:
        return answer.body
    return json.dumps((_message if path.endswith("/messages") else _completion)(answer)).encode()


def _completion(answer: Answer) -> dict[str, Any]:
    finish = {"ok": "stop", "cut": "length", "refused": "stop", "filtered": "content_filter"}[answer.stop]
    message = {"role": "assistant", "content": answer.text, "refusal": None}
    if answer.stop == "refused":
        message = {"role": "assistant", "content": None, "refusal": "I can't help with that."}
    if answer.is_tool_call:
        call = {"id": "t1", "type": "function", "function": {"name": "Verdict", "arguments": answer.text}}
        message = {"role": "assistant", "content": None, "tool_calls": [call]}
    details = {"cached_tokens": 20}
    usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110, "prompt_tokens_details": details}
    return {
        "id": "c1",
        "object": "chat.completion",
        "created": 0,
        "model": "m",
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": usage if answer.usage == "usual" else answer.usage,
    }


def _message(answer: Answer) -> dict[str, Any]:
    stop = {"ok": "end_turn", "cut": "max_tokens", "refused": "refusal"}[answer.stop]
    refused = answer.stop == "refused"
    block = {"type": "text", "text": answer.text}
    if answer.is_tool_call:
        block = {"type": "tool_use", "id": "t1", "name": "answer", "input": json.loads(answer.text)}
    usage = {"input_tokens": 80, "output_tokens": 10, "cache_read_input_tokens": 20, "cache_creation_input_tokens": 0}
    return {
        "id": "m1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [] if refused else [block],
        "stop_reason": stop,
        "stop_details": {"type": "refusal", "category": "frontier_llm", "explanation": "x"} if refused else None,
        "usage": usage if answer.usage == "usual" else answer.usage,
    }


def spec_for(kind: str, server: ScriptedServer, *, replay: bool = False) -> ProviderSpec:
    """The scripted server as a provider."""
    url = server.root + ("/v1" if kind == "openai" else "")
    return parse_provider(f"{'replay:' if replay else ''}{kind}:{MODELS[kind]}", base_url=url)


def question(number: int, **more: Any) -> Request:
    """One of many different requests."""
    messages = (Message("system", "You name things."), Message("user", f"question {number}"))
    return Request(messages, Verdict, tag=f"q{number}", **more)


class Asker:
    """``ask()`` with one server, journal and provider."""

    def __init__(self, kind: str, server: ScriptedServer, folder: Path) -> None:
        self.spec, self.journal, self.notes = spec_for(kind, server), folder / "journal.sqlite3", list[str]()

    def __call__(self, *requests: Request, **limits: Any) -> list[Reply]:
        limits = {"max_concurrency": 1, "timeout_s": 20.0, **limits}
        return ask(requests, provider=self.spec, journal=self.journal, limits=Limits(**limits), progress=self._progress)

    def _progress(self, done: int, total: int, note: str = "") -> None:
        self.notes.append(f"{done}/{total} {note}")
