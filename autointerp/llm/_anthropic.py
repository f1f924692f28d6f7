"""Anthropic's messages."""

from __future__ import annotations

import json
from typing import Any

import anthropic
import httpx2

from autointerp.llm._http import bad_reply, believable, count, read_body, request_id, send_error
from autointerp.llm._ladder import with_schema_in_prompt
from autointerp.llm._lanes import Lanes
from autointerp.llm._provider import RawReply
from autointerp.llm._reply import Outcome, Usage
from autointerp.llm._request import Request
from autointerp.llm._rung import Rung
from autointerp.llm._schema import wire_format, wire_schema
from autointerp.llm._secret import Secret
from autointerp.llm._spec import ProviderSpec
from autointerp.llm._text import excerpt, printable

ANSWER = "answer"
CUT = ("max_tokens", "model_context_window_exceeded")


class AnthropicProvider:
    """One account at one endpoint."""

    rungs: tuple[Rung, ...] = (Rung.json_schema, Rung.tool, Rung.prompt)

    def __init__(self, spec: ProviderSpec, secret: Secret, *, timeout_s: float) -> None:
        """Args as in ``open_provider``."""
        self.secret = secret
        self._spec = spec
        key, url = secret.reveal(), spec.base_url
        self._lanes = Lanes(
            lambda: anthropic.AsyncAnthropic(api_key=key, base_url=url, timeout=timeout_s, max_retries=0)
        )

    @property
    def client(self) -> anthropic.AsyncAnthropic:
        """The SDK's own."""
        return self._lanes.first

    async def send(self, request: Request, *, rung: Rung) -> RawReply:
        """Send once; see ``Provider.send``."""
        failure = None
        body = self.body(request, rung)
        try:  # the SDK's way to a bare response: its typed create() takes half a millisecond more of every request
            with self._lanes.lend() as client:
                response = await client.post(
                    "/v1/messages", cast_to=httpx2.Response, body=body, options={"follow_redirects": False}
                )
        except Exception as error:
            failure = send_error(error, anthropic, self.secret, rung=rung)
        if failure is not None:  # raised out here, so that it does not carry the SDK's error, and the key, along
            raise failure
        shown = request_id(response.headers, self.secret)
        try:
            return read_message(read_body(response, self.secret), http_status=response.status_code, request_id=shown)
        except ValueError:
            raise bad_reply(response, self.secret) from None

    async def close(self) -> None:
        """Let go of connections."""
        await self._lanes.close()

    def body(self, request: Request, rung: Rung) -> dict[str, Any]:
        """What is sent for a request."""
        kind = self._spec.kind
        if rung is Rung.prompt:
            request = with_schema_in_prompt(request, kind)
        system = "\n\n".join(message.content for message in request.messages if message.role == "system")
        turns = [{"role": one.role, "content": one.content} for one in request.messages if one.role != "system"]
        body: dict[str, Any] = {"model": self._spec.model, "max_tokens": request.max_output_tokens, "messages": turns}
        if system:
            body["system"] = [{"type": "text", "text": system, "cache_control": {"type": "ephemeral"}}]
        if rung is Rung.json_schema:
            body["output_config"] = {"format": wire_format(request.reply_model, kind)}
        elif rung is Rung.tool:
            schema = wire_schema(request.reply_model, kind)
            body["tools"] = [{"name": ANSWER, "description": "Give the answer.", "input_schema": schema}]
            body["tool_choice"] = {"type": "tool", "name": ANSWER}
        return body


def read_message(body: dict[str, Any], *, http_status: int, request_id: str | None) -> RawReply:
    """The reply in a message's body, sent live or in a batch.

    Raises:
        ValueError: It is no message.
    """
    try:
        blocks = body["content"] or []
        inputs = [json.dumps(block["input"]) for block in blocks if block["type"] == "tool_use"]
        texts = inputs[:1] or [block["text"] for block in blocks if block["type"] == "text"]
        text = printable("".join(texts))
    except (KeyError, TypeError, AttributeError):
        raise ValueError("no message") from None
    outcome, reason = Outcome.ok, ""
    if body.get("stop_reason") == "refusal":
        details = body.get("stop_details")
        category = details.get("category") if isinstance(details, dict) else None
        outcome = Outcome.refused
        reason = f"category {excerpt(str(category), 60)}" if category else "the model declined"
    elif body.get("stop_reason") in CUT:
        outcome, reason = Outcome.truncated, f"cut: {body['stop_reason']}"
    return RawReply(text, outcome, reason, _usage(body), request_id, http_status)


def _usage(body: dict[str, Any]) -> Usage | None:
    usage = body.get("usage")
    try:
        read, written = count(usage, "cache_read_input_tokens"), count(usage, "cache_creation_input_tokens")
        total = count(usage, "input_tokens") + read + written
        return believable(Usage(total, count(usage, "output_tokens"), read, written))
    except ValueError:
        return None
