"""A loopback server that is sure of its answers, keeps books, and strikes when it has been asked often enough."""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

QUICKEST_S, SLOWEST_S = 0.005, 0.05
"""How long a reply takes: each time another while, so that no two lives go alike."""
USAGE = {"prompt_tokens": 900, "completion_tokens": 40, "total_tokens": 940}


def question_of(messages: Sequence[dict[str, str]], max_tokens: int) -> str:
    """What is asked, whoever asks how often: a hash of the user's messages and the room for the answer.

    Args:
        messages: With ``role`` and ``content``. The system's are left out: how a schema is asked for may change.
        max_tokens: A re-ask may differ in nothing else.
    """
    asked = [message["content"] for message in messages if message["role"] != "system"]
    return hashlib.sha256(json.dumps([asked, max_tokens]).encode()).hexdigest()


def answer_to(question: str) -> dict[str, Any]:
    """The chat completion for a question: always the same. 1 in 10 is invalid, cut off or refused."""
    number = int(question[:8], 16)
    label = {
        "reasoning": f"the lines share {question[8:12]}",
        "verdict": "POLYSEMANTIC" if number % 7 == 0 else "MONOSEMANTIC",
        "label": "one" if number % 100 < 5 else f"words like {question[12:18]}",
        "confidence": 1 + number % 5,
        "evidence": [1 + number % 6],
    }
    message: dict[str, Any] = {"role": "assistant", "content": json.dumps(label), "refusal": None}
    finish = "stop"
    if number % 100 in (5, 6):
        finish = "length"
    if number % 100 in (7, 8, 9):
        message |= {"content": None, "refusal": "I'd rather not."}
    choice = {"index": 0, "message": message, "finish_reason": finish}
    return {"id": "c", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice], "usage": USAGE}


@dataclass
class Life:
    """What the server saw of one process."""

    received: list[str] = field(default_factory=list)
    """Questions, in order."""
    answered: list[str] = field(default_factory=list)
    """Questions whose reply was sent."""
    n_owed: int = 0
    """Replies not sent yet at the strike."""
    strike: Callable[[], None] | None = None
    strike_at: int = 0
    """At this request the strike is due."""
    strike_delay_s: float = 0.0
    """After so long."""


class Server:
    """Serves from a thread of its own."""

    def __init__(self, *, seed: int = 0) -> None:
        """Args: of how long replies take."""
        self._chance = random.Random(seed)
        self._life, self._n_open, self._quiet = Life(), 0, asyncio.Event()
        self._quiet.set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        listening = self._loop.create_server(lambda: _Connection(self), "127.0.0.1", 0)
        self._server = asyncio.run_coroutine_threadsafe(listening, self._loop).result()
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._loop.call_soon_threadsafe(self._server.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def strike_after(self, n_requests: int, delay_s: float, strike: Callable[[], None]) -> None:
        """Call ``strike`` in this life, while no reply is being sent.

        Args:
            n_requests: Once so many were received, counted from the life's beginning ...
            delay_s: ... and this time has gone by.
            strike: Kills the process.
        """

        def arm() -> None:
            life = self._life
            life.strike_at, life.strike_delay_s, life.strike = n_requests, delay_s, strike
            if len(life.received) >= n_requests:
                self._loop.call_later(delay_s, self._strike, life)

        self._loop.call_soon_threadsafe(arm)

    def end_life(self) -> Life:
        """Take in what a dead process had sent still, and begin a new life."""
        return asyncio.run_coroutine_threadsafe(self._end_life(), self._loop).result()

    async def _end_life(self) -> Life:
        await asyncio.sleep(0.005)  # connections that were not accepted yet are, now
        await self._quiet.wait()
        life, self._life = self._life, Life()
        return life

    def _strike(self, life: Life) -> None:
        if life is self._life and life.strike is not None:
            life.n_owed = len(life.received) - len(life.answered)
            life.strike()

    def opened(self, *, by: int) -> None:
        """Count a connection."""
        self._n_open += by
        if self._n_open:
            self._quiet.clear()
        else:
            self._quiet.set()

    def serve(self, transport: asyncio.Transport, body: dict[str, Any]) -> None:
        """Note a request, and answer it a little later."""
        life, question = self._life, question_of(body["messages"], body["max_completion_tokens"])
        life.received.append(question)
        if life.strike is not None and len(life.received) == life.strike_at:
            self._loop.call_later(life.strike_delay_s, self._strike, life)
        self._loop.call_later(self._chance.uniform(QUICKEST_S, SLOWEST_S), _answer, transport, life, question)


def _answer(transport: asyncio.Transport, life: Life, question: str) -> None:
    if transport.is_closing():
        return
    content = json.dumps(answer_to(question)).encode()
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(content)}\r\n\r\n"
    transport.write(head.encode() + content)
    life.answered.append(question)


class _Connection(asyncio.Protocol):
    """Requests come one after the other."""

    def __init__(self, server: Server) -> None:
        self._server, self._buffer = server, bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._server.opened(by=1)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._server.opened(by=-1)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, body = bytes(self._buffer).partition(b"\r\n\r\n")
        if not found or len(body) < int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0]):
            return
        self._buffer.clear()
        self._server.serve(self._transport, json.loads(body))
