"""A loopback server for benchmarks: answers chat completions after a fixed delay, with faults where asked.

    python benchmarks/_loopback.py --delay-s 0.2 --p-429 0.05 --p-reset 0.02

It prints its port, then serves until it is killed. An asyncio protocol and nothing else, so that the client under
measurement, and not its counterpart, is what takes time.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random

REPLY = json.dumps({"label": "dogs", "kind": "MONO", "confidence": 4, "evidence": [1, 2]})
USAGE = {"prompt_tokens": 900, "completion_tokens": 40, "total_tokens": 940}
CHOICE = {"index": 0, "message": {"role": "assistant", "content": REPLY, "refusal": None}, "finish_reason": "stop"}
COMPLETION = {"id": "c", "object": "chat.completion", "created": 0, "model": "m", "choices": [CHOICE], "usage": USAGE}
BUSY = {"error": {"message": "slow down", "type": "rate_limit", "code": "rate_limit"}}


def _response(status: str, body: object) -> bytes:
    content = json.dumps(body).encode()
    head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(content)}\r\n\r\n"
    return head.encode() + content


OK = _response("200 OK", COMPLETION)
TOO_MANY = _response("429 Too Many Requests", BUSY)


class Connection(asyncio.Protocol):
    """One client connection; requests come one after the other."""

    def __init__(self, options: argparse.Namespace, chance: random.Random) -> None:
        """Args: the command line's, and where faults come from."""
        self._options, self._chance = options, chance
        self._buffer = bytearray()
        self._n_missing = -1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember whom to answer."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer when the request is whole."""
        self._buffer += data
        if self._n_missing < 0:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            head = bytes(self._buffer[:end]).lower()
            length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
            self._n_missing = end + 4 + length
        if len(self._buffer) < self._n_missing:
            return
        self._buffer.clear()
        self._n_missing = -1
        drawn = self._chance.random()
        loop = asyncio.get_running_loop()
        if drawn < self._options.p_429:
            self._write(TOO_MANY)
        elif drawn < self._options.p_429 + self._options.p_reset:
            loop.call_later(self._options.delay_s / 2, self._transport.abort)
        else:
            loop.call_later(self._options.delay_s, self._write, OK)

    def _write(self, response: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(response)  # type: ignore[attr-defined]


async def serve(options: argparse.Namespace) -> None:
    """Serve until killed."""
    chance = random.Random(0)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(options, chance), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--delay-s", type=float, default=0.2)
    parser.add_argument("--p-429", type=float, default=0.0)
    parser.add_argument("--p-reset", type=float, default=0.0)
    asyncio.run(serve(parser.parse_args()))
