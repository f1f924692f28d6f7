"""A server that writes bytes: whatever HTTP allows, and what it does not."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile

from llm_scripted_server import Answer, body_of


@dataclass(frozen=True)
class Bytes:
    """What is written for one request, and what happens then."""

    data: bytes
    then: str = "close"
    """``close``; ``reset``; ``keep`` (the connection, for the next request); ``drip`` (a byte now and then)."""
    drip: bytes = b" "


def http(body: bytes, *headers: str, status: str = "HTTP/1.1 200 OK") -> bytes:
    """A response as its bytes, with just the headers given."""
    return "\r\n".join([status, "content-type: application/json", *headers, "", ""]).encode() + body


def whole(path: str, answer: Answer | None = None) -> bytes:
    """A proper response to a request for a path."""
    body = body_of(answer or Answer(), path)
    return http(body, f"content-length: {len(body)}")


class RawServer:
    """Answers from ``once`` or ``script``, then as it should."""

    def __init__(self) -> None:
        self.once: dict[str, Bytes] = {}
        """By words of the request; each is given once."""
        self.script: list[Bytes] = []
        """In this order."""
        self.requests: list[bytes] = []
        """Head and body of each."""
        self._ending = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def close(self) -> None:
        self._ending.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _accept(self) -> None:
        while not self._ending.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            for request in _requests(connection):
                self.requests.append(request)
                planned = self._next(request)
                connection.sendall(planned.data)
                if planned.then != "keep":
                    self._end(connection, planned)
                    return

    def _next(self, request: bytes) -> Bytes:
        for words in self.once:
            if words.encode() in request:
                return self.once.pop(words)
        return self.script.pop(0) if self.script else Bytes(whole(request.split(b" ")[1].decode()), "keep")

    def _end(self, connection: socket.socket, planned: Bytes) -> None:
        deadline = time.monotonic() + 30
        while planned.then == "drip" and time.monotonic() < deadline and not self._ending.wait(0.05):
            connection.sendall(planned.drip)
        if planned.then == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _requests(connection: socket.socket) -> Iterator[bytes]:
    with connection.makefile("rb") as file:
        while head := b"".join(
            takewhile(lambda line: line.strip(), iter(file.readline, b""))
        ):  # b"": the other hung up
            fields = dict(line.lower().split(b": ", 1) for line in head.splitlines()[1:] if b": " in line)
            yield head + file.read(int(fields.get(b"content-length", b"0")))
