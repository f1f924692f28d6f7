"""Anthropic Message Batches: requests in one call, results in one file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anthropic

from autointerp.llm._anthropic import AnthropicProvider, read_message
from autointerp.llm._http import read_body
from autointerp.llm._provider import RawReply, SendError
from autointerp.llm._request import Request
from autointerp.llm._rung import Rung
from autointerp.llm._secret import Secret
from autointerp.llm._spec import ProviderSpec
from autointerp.llm._text import excerpt
from autointerp.llm.batch._service import BatchState, answer_of, id_of, listed, number

DONE = ("succeeded", "errored", "canceled", "expired")


class AnthropicBatches:
    """Of one account."""

    max_requests = 100_000
    max_bytes = 240_000_000
    fields: tuple[str, ...] = ("result",)

    def __init__(self, spec: ProviderSpec, secret: Secret, *, timeout_s: float) -> None:
        """Args as in ``open_service``."""
        self.secret = secret
        self._provider = AnthropicProvider(spec, secret, timeout_s=timeout_s)
        self._batches = self._provider.client.messages.batches

    def line(self, key: str, request: Request) -> dict[str, Any]:
        """One of the requests."""
        return {"custom_id": key, "params": self._provider.body(request, Rung.json_schema)}

    async def submit(self, name: str, lines: Sequence[dict[str, Any]]) -> str:
        """See ``BatchService.submit``; the name stays here, there is no place for it."""
        del name
        requests: Any = list(lines)
        return _state(await self._body(self._batches.with_raw_response.create(requests=requests))).batch_id

    async def state(self, batch_id: str) -> BatchState:
        """See ``BatchService.state``."""
        return _state(await self._body(self._batches.with_raw_response.retrieve(batch_id)))

    async def page(self, *, limit: int, after: str | None) -> list[BatchState]:
        """See ``BatchService.page``."""
        cursor = anthropic.omit if after is None else after
        body = await self._body(self._batches.with_raw_response.list(limit=limit, after_id=cursor))
        return [_state(one) for one in listed(body)]

    async def download(self, state: BatchState, path: Path) -> None:
        """See ``BatchService.download``."""
        await answer_of(self._download(state, path), anthropic, self.secret, may_pass=True)

    def read(self, answer: dict[str, Any]) -> RawReply | SendError:
        """See ``BatchService.read``."""
        result = answer["result"] if isinstance(answer["result"], dict) else {}
        kind, message = result.get("type"), result.get("message")
        if kind == "succeeded" and isinstance(message, dict):
            try:
                return read_message(message, http_status=200, request_id=None)
            except ValueError:
                return SendError("bad_reply: a result that is no message")
        error = result.get("error")
        inner = error.get("error") if isinstance(error, dict) else None
        code = inner.get("type") if isinstance(inner, dict) else None
        words = f"{kind}, {code}" if code else str(kind)
        return SendError(f"in the batch: {excerpt(self.secret.redact(words), 60)}")

    async def close(self) -> None:
        """Let go of connections."""
        await self._provider.close()

    async def _body(self, call: Any) -> dict[str, Any]:
        return read_body((await answer_of(call, anthropic, self.secret)).http_response, self.secret)

    async def _download(self, state: BatchState, path: Path) -> None:
        with path.open("wb") as out:
            if not state.results:
                return
            async with self._batches.with_streaming_response.results(state.batch_id) as response:
                async for chunk in response.iter_bytes():
                    out.write(chunk)


def _state(body: dict[str, Any]) -> BatchState:
    status, counts = body.get("processing_status"), body.get("request_counts")
    counts = counts if isinstance(counts, dict) else {}
    n_done = sum(number(counts.get(name)) for name in DONE)
    url = body.get("results_url")
    return BatchState(
        batch_id=id_of(body),
        status=excerpt(str(status), 60),
        is_over=status == "ended",
        is_whole=not body.get("cancel_initiated_at"),
        n_total=n_done + number(counts.get("processing")),
        n_done=n_done,
        name=None,
        results=(url,) if isinstance(url, str) and url else (),
    )
