"""A loopback server that emulates both providers' batch services, with faults on order."""

from __future__ import annotations

import json
import re
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from llm_loopback import Loopback, send_head
from llm_scripted_server import MODELS, Answer, Asker, _completion, _message

from autointerp.llm import Limits, ProviderSpec, Reply, Request, ask, parse_provider

Line = dict[str, Any]
SUBMIT = {"openai": "POST batches", "anthropic": "POST messages/batches"}
LIST = {"openai": "GET batches", "anthropic": "GET messages/batches"}
LOOK = {"openai": "GET batches/ID", "anthropic": "GET messages/batches/ID"}
RESULTS = {"openai": "GET files/ID/content", "anthropic": "GET messages/batches/ID/results"}


@dataclass
class Batch:
    """One that was submitted."""

    batch_id: str
    kind: str
    requests: list[Line]
    metadata: dict[str, str] | None
    n_looks: int = 0

    @property
    def keys(self) -> list[str]:
        return [request["custom_id"] for request in self.requests]


@dataclass
class BatchServer:
    """Batches are done after ``n_polls`` looks at them."""

    n_polls: int = 1
    answer: Callable[[Line], Answer] = lambda _request: Answer()
    """To one request of a batch."""
    ends_as: str = "completed"
    """OpenAI: any final status. Anthropic: what happened to those that ``unfinished`` names."""
    unfinished: set[int] = field(default_factory=set)
    """Numbers of the requests of a batch that bring no reply."""
    tamper: Callable[[list[bytes]], bytes] = b"".join
    """Makes the file of results from its lines."""
    faults: dict[str, list[Answer | str]] = field(default_factory=dict)
    """By "METHOD place": what happens instead; "lost": the work is done, the answer is not sent."""
    batches: list[Batch] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    on_look: Callable[[Batch], None] = lambda _batch: None
    """Called at each look at a batch."""

    def __post_init__(self) -> None:
        self.files: dict[str, Callable[[], bytes]] = {}
        self._lock = threading.Lock()
        self._loopback = Loopback(self.serve)

    @property
    def root(self) -> str:
        return self._loopback.root

    def spec(self, kind: str, way: str = "batch:") -> ProviderSpec:
        url = self.root + ("/v1" if kind == "openai" else "")
        return parse_provider(f"{way}{kind}:{MODELS[kind]}", base_url=url)

    def n_calls(self, place: str) -> int:
        return self.calls.count(place)

    def serve(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        path, _, query = handler.path.partition("?")
        known = {one.batch_id for one in self.batches} | set(self.files)
        place = f"{handler.command} {'/'.join('ID' if part in known else part for part in path.split('/')[2:])}"
        with self._lock:
            self.calls.append(place)
            waiting = self.faults.get(place, [])
            fault = waiting.pop(0) if waiting else None
            if isinstance(fault, Answer):
                _send(handler, fault.status, fault.body or b"", fault.headers)
                return
            found = self._route(handler.command, path.split("/")[2:], query, body, handler)
        if fault == "lost":
            handler.close_connection = True
            handler.connection.close()
        elif isinstance(found, bytes):
            _send(handler, 200, found, {"content-type": "application/binary"})
        elif found is None:
            _send(handler, 404, b'{"error": {"message": "no", "type": "not_found_error", "code": null}}', {})
        else:
            _send(handler, 200, json.dumps(found).encode(), {})

    def close(self) -> None:
        self._loopback.close()

    def _route(
        self, method: str, parts: list[str], query: str, body: bytes, handler: BaseHTTPRequestHandler
    ) -> Line | bytes | None:
        is_openai = parts[0] in ("files", "batches")
        if parts == ["files"]:
            name = f"file-{len(self.files)}"
            content = _uploaded(body)
            self.files[name] = lambda: content
            return {"id": name, "object": "file"}
        if parts[0] == "files":
            return self.files[parts[1]]() if parts[1] in self.files else None
        rest = parts[1:] if is_openai else parts[2:]
        if method == "POST":
            return self._create(is_openai, json.loads(body))
        if not rest:
            return self._page(query)
        batch = next((one for one in self.batches if one.batch_id == rest[0]), None)
        if batch is None:
            return None
        if rest[1:] == ["results"]:
            return self._results(batch)
        batch.n_looks += 1
        self.on_look(batch)
        return self._described(batch)

    def _create(self, is_openai: bool, body: Line) -> Line:
        if is_openai:
            lines = [json.loads(line) for line in self.files[body["input_file_id"]]().splitlines()]
            assert body["endpoint"] == "/v1/chat/completions"
            assert body["completion_window"] == "24h"
        else:
            lines = body["requests"]
        assert len({line["custom_id"] for line in lines}) == len(lines)
        kind = "openai" if is_openai else "anthropic"
        batch = Batch(f"batch_{len(self.batches)}", kind, lines, body.get("metadata"))
        self.batches.append(batch)
        return self._described(batch)

    def _page(self, query: str) -> Line:
        newest_first = self.batches[::-1]
        after = re.search(r"after(?:_id)?=(\w+)", query)
        limit = re.search(r"limit=(\d+)", query)
        assert limit is not None
        if after:
            place = [one.batch_id for one in newest_first].index(after[1])
            newest_first = newest_first[place + 1 :]
        # smaller pages than asked for, so that few batches are many pages
        return {"data": [self._described(one) for one in newest_first[: min(int(limit[1]), 2)]], "has_more": True}

    def _described(self, batch: Batch) -> Line:
        n, is_over = len(batch.requests), batch.n_looks >= self.n_polls
        n_lost = len([number for number in self.unfinished if number < n]) if is_over else 0
        if batch.kind == "openai":
            if is_over:
                self.files[f"{batch.batch_id}-out"] = partial(self._results, batch)
                self.files[f"{batch.batch_id}-err"] = partial(self._errors, batch)
            has_files = is_over and self.ends_as != "failed"
            return {
                "id": batch.batch_id,
                "object": "batch",
                "status": self.ends_as if is_over else "in_progress",
                "metadata": batch.metadata,
                "request_counts": {"total": n, "completed": (n - n_lost) * is_over, "failed": n_lost},
                "output_file_id": f"{batch.batch_id}-out" if has_files else None,
                "error_file_id": f"{batch.batch_id}-err" if has_files and n_lost else None,
                "errors": {"data": [{"code": "token_limit_exceeded"}]} if self.ends_as == "failed" else None,
            }
        counts = {"processing": 0 if is_over else n, "succeeded": (n - n_lost) * is_over, "errored": n_lost}
        return {
            "id": batch.batch_id,
            "type": "message_batch",
            "processing_status": "ended" if is_over else "in_progress",
            "request_counts": {**counts, "canceled": 0, "expired": 0},
            "results_url": f"{self.root}/v1/messages/batches/{batch.batch_id}/results" if is_over else None,
        }

    def _results(self, batch: Batch) -> bytes:
        lines = []
        for number, request in reversed(list(enumerate(batch.requests))):  # any order
            said, lost = self.answer(request), number in self.unfinished
            if batch.kind == "openai":
                response = {"status_code": 200, "request_id": "req-1", "body": _completion(said)}
                line = {"id": f"r{number}", "custom_id": request["custom_id"], "response": response, "error": None}
                lines += [] if lost else [line]
            else:
                result = {"type": "succeeded", "message": _message(said)}
                if lost and self.ends_as == "errored":
                    inner = {"type": "invalid_request_error", "message": "no"}
                    result = {"type": "errored", "error": {"type": "error", "error": inner}}
                elif lost:
                    result = {"type": self.ends_as}
                lines.append({"custom_id": request["custom_id"], "result": result})
        return self.tamper([json.dumps(line).encode() + b"\n" for line in lines])

    def _errors(self, batch: Batch) -> bytes:
        """OpenAI's second file; the last of its entries is one that the model's endpoint refused."""
        lines = []
        for number in sorted(self.unfinished):
            line: Line = {"id": f"e{number}", "custom_id": batch.keys[number], "response": None}
            line["error"] = {"code": "batch_expired", "message": "too late"}
            lines.append(line)
        if lines:
            refused = {"status_code": 400, "request_id": "req-1", "body": {"error": {"code": "bad_thing"}}}
            lines[-1] |= {"response": refused, "error": None}
        return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def _uploaded(body: bytes) -> bytes:
    """The file in a multipart form."""
    boundary = body.split(b"\r\n", 1)[0]
    for part in body.split(boundary):
        head, _, content = part.partition(b"\r\n\r\n")
        if b"filename=" in head:
            return content.removesuffix(b"\r\n")
    raise AssertionError("no file was uploaded")


def _send(handler: BaseHTTPRequestHandler, status: int, body: bytes, headers: dict[str, str]) -> None:
    send_head(handler, status, body, headers)
    handler.wfile.write(body)


class BatchAsker(Asker):
    """``ask()`` with one batch server, journal and provider."""

    def __init__(self, kind: str, server: BatchServer, folder: Path) -> None:
        self.kind, self.server = kind, server
        self.spec, self.journal, self.notes = server.spec(kind), folder / "journal.sqlite3", list[str]()

    def __call__(
        self, *requests: Request, way: str = "batch:", forget_batches: bool = False, **limits: Any
    ) -> list[Reply]:
        return ask(
            requests,
            provider=self.server.spec(self.kind, way),
            journal=self.journal,
            limits=Limits(**{"max_concurrency": 1, "timeout_s": 20.0, **limits}),
            progress=self._progress,
            forget_batches=forget_batches,
            go_on="autointerp label --resume",
        )

    def rows(self) -> list[tuple[Any, ...]]:
        """Of the journal: tag, ask, outcome, cost."""
        with sqlite3.connect(self.journal) as db:
            return db.execute("SELECT tag, ask, outcome, cost_usd FROM attempts ORDER BY id").fetchall()

    def states(self) -> list[str]:
        """Of all requests in batches, sorted."""
        with sqlite3.connect(self.journal) as db:
            return [row[0] for row in db.execute("SELECT state FROM batch_requests ORDER BY state")]
