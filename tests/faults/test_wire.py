"""Bytes that are no reply, or half of one, or too slow: tried again, never taken for a reply. Both SDKs."""

from __future__ import annotations

import pytest
from faults_raw_server import Bytes, RawServer, http, whole
from llm_scripted_server import GOOD, Answer, Asker, body_of, question

from autointerp.llm import Attempt, Journal, Outcome, request_key

PATHS = {"openai": "/v1/chat/completions", "anthropic": "/v1/messages"}


def chunked(body: bytes, *, n_bytes: int | None = None, end: bytes = b"0\r\n\r\n") -> bytes:
    """One chunk that says it is ``n_bytes`` long."""
    return f"{len(body) if n_bytes is None else n_bytes:x}\r\n".encode() + body + b"\r\n" + end


def broken(path: str) -> dict[str, Bytes]:
    """Responses of which only a part, or nothing, is right."""
    body = body_of(Answer(), path)
    half, length = body[: len(body) // 2], f"content-length: {len(body)}"
    return {
        "closed before a byte": Bytes(b""),
        "reset before a byte": Bytes(b"", "reset"),
        "reset within the status line": Bytes(b"HTTP/1.1 2", "reset"),
        "closed within the headers": Bytes(b"HTTP/1.1 200 OK\r\ncontent-type: appl"),
        "reset within the body": Bytes(http(half, length), "reset"),
        "closed within the body": Bytes(http(half, length)),
        "closed within a body without a length": Bytes(http(half)),
        "closed within a chunk": Bytes(http(chunked(half, n_bytes=len(body), end=b""), "transfer-encoding: chunked")),
        "closed before the last chunk": Bytes(http(chunked(body, end=b""), "transfer-encoding: chunked")),
        "reset before the last chunk": Bytes(http(chunked(body, end=b""), "transfer-encoding: chunked"), "reset"),
        "a chunk that is longer than it says": Bytes(
            http(chunked(body, n_bytes=len(body) // 2), "transfer-encoding: chunked")
        ),
        "a chunk without a size": Bytes(http(b"zz\r\n" + body, "transfer-encoding: chunked")),
        "a body shorter than its length": Bytes(http(body, f"content-length: {len(body) + 9}")),
        "a body longer than its length": Bytes(http(body, f"content-length: {len(body) // 2}"), "keep"),
        "two lengths": Bytes(http(body, length, "content-length: 7")),
        "no length at all in words": Bytes(http(body, "content-length: many")),
        "no status": Bytes(b"\x16\x03\x01\x02\x00 this is not HTTP\r\n\r\n"),
        "a status that is none": Bytes(http(body, length, status="HTTP/1.1 abc OK")),
        "HTTP of another age": Bytes(body),
        "gzip that is none": Bytes(http(body, length, "content-encoding: gzip")),
        "a header as large as a book": Bytes(http(body, length, f"x-book: {'x' * 300_000}")),
    }


def attempts(asker: Asker, number: int) -> tuple[Attempt, ...]:
    with Journal(asker.journal) as book:
        return book.history(request_key(question(number), asker.spec)).attempts


def test_half_a_reply_is_no_reply(raw_asker: Asker, raw: RawServer, kind: str, waits: list[float]) -> None:
    responses = broken(PATHS[kind])
    raw.once = {f'question {number}"': response for number, response in enumerate(responses.values())}
    raw_asker(*map(question, range(len(responses))), max_attempts=20)
    assert raw.once == {}
    for number, name in enumerate(responses):
        *errors, last = attempts(raw_asker, number)
        assert errors, name
        assert {(one.outcome, one.reply) for one in errors} == {(Outcome.error, None)}, name
        assert (last.outcome, last.reply) == (Outcome.ok, GOOD), name
    assert len(raw.requests) == len(responses) + len(waits)


@pytest.mark.parametrize("name", ["reset within the body", "closed before the last chunk", "no status"])
def test_a_server_that_never_gets_it_right_is_an_error(
    raw_asker: Asker, raw: RawServer, kind: str, waits: list[float], name: str
) -> None:
    raw.script = [broken(PATHS[kind])[name]] * 3
    (reply,) = raw_asker(question(1), max_attempts=3)
    assert (reply.outcome, reply.value, len(waits)) == (Outcome.error, None, 2)
    assert raw_asker(question(2))[0].outcome is Outcome.ok


@pytest.mark.parametrize("end", ["close", "keep"])
def test_odd_but_whole_replies_count(raw_asker: Asker, raw: RawServer, kind: str, waits: list[float], end: str) -> None:
    body = body_of(Answer(), PATHS[kind])
    pieces = b"".join(chunked(body[at : at + 7], end=b"") for at in range(0, len(body), 7)) + b"0\r\nx: y\r\n\r\n"
    raw.script = [
        Bytes(http(body)),  # ends with the connection
        Bytes(http(pieces, "transfer-encoding: chunked"), end),
        Bytes(b"HTTP/1.1 100 Continue\r\n\r\n" + whole(PATHS[kind]), end),
        Bytes(http(body, f"content-length: {len(body)}", status="HTTP/1.0 200"), "close"),
    ]
    replies = raw_asker(*map(question, range(4)))
    assert ([reply.outcome for reply in replies], waits) == ([Outcome.ok] * 4, [])


def slow(name: str, path: str) -> Bytes:
    """A response that comes, but not in this life."""
    length = f"content-length: {len(body_of(Answer(), path))}"
    return {
        "silence": Bytes(b"", "drip", b""),
        "headers byte by byte": Bytes(b"HTTP/1.1 200 OK\r\nx-slow: ", "drip", b"x"),
        "header after header": Bytes(b"HTTP/1.1 200 OK\r\n", "drip", b"x: y\r\n"),
        "informational responses": Bytes(b"", "drip", b"HTTP/1.1 102 Processing\r\n\r\n"),
        "a body byte by byte": Bytes(http(b"{", length), "drip"),
        "chunk by chunk": Bytes(http(b"", "transfer-encoding: chunked"), "drip", b"1\r\n \r\n"),
    }[name]


@pytest.mark.parametrize(
    "name",
    ["silence", "headers byte by byte", "header after header", "informational responses", "a body byte by byte",
     "chunk by chunk"],
)  # fmt: skip
def test_slow_bytes_end_at_the_deadline_and_hold_up_nobody(
    raw_asker: Asker, raw: RawServer, kind: str, name: str
) -> None:
    raw.script = [slow(name, PATHS[kind])]
    replies = raw_asker(*map(question, range(4)), timeout_s=1.5, max_attempts=1, max_concurrency=1)
    assert [reply.outcome for reply in replies] == [Outcome.error, *[Outcome.ok] * 3]
    assert "deadline" in replies[0].reason or "APITimeoutError" in replies[0].reason
    (attempt,) = attempts(raw_asker, 0)
    assert 1.4 < attempt.seconds < 15  # the server would have gone on for 30
