"""OpenAI Batch: a file of requests up, a file of results and a file of errors down."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import openai

from autointerp.llm._http import read_body
from autointerp.llm._openai import OpenAIProvider, read_completion
from autointerp.llm._provider import RawReply, SendError
from autointerp.llm._request import Request
from autointerp.llm._rung import Rung
from autointerp.llm._secret import Secret
from autointerp.llm._spec import ProviderSpec
from autointerp.llm._text import excerpt
from autointerp.llm.batch._service import BatchState, answer_of, id_of, listed, number

ENDPOINT: Final = "/v1/chat/completions"
NAME = "autointerp"
"""Key of a batch's metadata that holds its name."""
OVER = ("completed", "expired", "cancelled", "failed")


class OpenAIBatches:
    """Of one account."""

    max_requests = 50_000
    max_bytes = 190_000_000
    fields: tuple[str, ...] = ("response", "error")

    def __init__(self, spec: ProviderSpec, secret: Secret, *, timeout_s: float) -> None:
        """Args as in ``open_service``."""
        self.secret = secret
        self._provider = OpenAIProvider(spec, secret, timeout_s=timeout_s, quirks=set())
        self._client = self._provider.client

    def line(self, key: str, request: Request) -> dict[str, Any]:
        """One line of the file of requests."""
        body = self._provider.body(request, Rung.json_schema)
        return {"custom_id": key, "method": "POST", "url": ENDPOINT, "body": body}

    async def submit(self, name: str, lines: Sequence[dict[str, Any]]) -> str:
        """Upload, then start; see ``BatchService.submit``."""
        content = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
        upload = self._client.files.with_raw_response.create(file=(f"{name}.jsonl", content), purpose="batch")
        file_id = id_of(await self._body(upload))
        batch = self._client.batches.with_raw_response.create(
            input_file_id=file_id, endpoint=ENDPOINT, completion_window="24h", metadata={NAME: name}
        )
        return _state(await self._body(batch)).batch_id

    async def state(self, batch_id: str) -> BatchState:
        """See ``BatchService.state``."""
        return _state(await self._body(self._client.batches.with_raw_response.retrieve(batch_id)))

    async def page(self, *, limit: int, after: str | None) -> list[BatchState]:
        """See ``BatchService.page``."""
        cursor = openai.omit if after is None else after
        body = await self._body(self._client.batches.with_raw_response.list(limit=limit, after=cursor))
        return [_state(one) for one in listed(body)]

    async def download(self, state: BatchState, path: Path) -> None:
        """Results and errors, one after the other; see ``BatchService.download``."""
        await answer_of(self._download(state, path), openai, self.secret, may_pass=True)

    def read(self, answer: dict[str, Any]) -> RawReply | SendError:
        """See ``BatchService.read``."""
        response = answer["response"] if isinstance(answer["response"], dict) else {}
        body, status = response.get("body"), number(response.get("status_code"))
        if status == 200 and isinstance(body, dict):
            request_id = response.get("request_id")
            shown = excerpt(self.secret.redact(request_id), 100) if isinstance(request_id, str) else None
            try:
                return read_completion(body, http_status=status, request_id=shown)
            except ValueError:
                return SendError("bad_reply: a result that is no chat completion")
        error = answer["error"] or (body.get("error") if isinstance(body, dict) else None)
        code = error.get("code") or error.get("type") if isinstance(error, dict) else None
        return SendError(f"in the batch: status {status or 'unknown'}, {excerpt(self.secret.redact(str(code)), 60)}")

    async def close(self) -> None:
        """Let go of connections."""
        await self._provider.close()

    async def _body(self, call: Any) -> dict[str, Any]:
        return read_body((await answer_of(call, openai, self.secret)).http_response, self.secret)

    async def _download(self, state: BatchState, path: Path) -> None:
        with path.open("wb") as out:
            for file_id in state.results:
                async with self._client.files.with_streaming_response.content(file_id) as response:
                    async for chunk in response.iter_bytes():
                        out.write(chunk)
                out.write(b"\n")


def _state(body: dict[str, Any]) -> BatchState:
    status, counts = str(body.get("status")), body.get("request_counts")
    counts = counts if isinstance(counts, dict) else {}
    metadata = body.get("metadata")
    files = (body.get("output_file_id"), body.get("error_file_id"))
    return BatchState(
        batch_id=id_of(body),
        status=excerpt(status, 60),
        is_over=status in OVER,
        is_whole=status == "completed",
        n_total=number(counts.get("total")),
        n_done=number(counts.get("completed")) + number(counts.get("failed")),
        name=str(metadata.get(NAME)) if isinstance(metadata, dict) else "",
        results=tuple(file for file in files if isinstance(file, str) and file),
        problem=_problem(body.get("errors")),
    )


def _problem(errors: Any) -> str:
    found = errors.get("data") if isinstance(errors, dict) else None
    codes = {str(one.get("code")) for one in found or [] if isinstance(one, dict)}
    return excerpt(", ".join(sorted(codes)))
