"""Anthropic's messages."""

from __future__ import annotations

from typing import Any

import anthropic

from autointerp.llm._http import bad_reply, believable, count, read_body, request_id, send_error
from autointerp.llm._ladder import with_schema_in_prompt
from autointerp.llm._provider import RawReply, Rung
from autointerp.llm._reply import Outcome, Usage
from autointerp.llm._request import Request
from autointerp.llm._schema import wire_format
from autointerp.llm._secret import Secret
from autointerp.llm._spec import ProviderSpec
from autointerp.llm._text import excerpt, printable

CUT = ("max_tokens", "model_context_window_exceeded")


class AnthropicProvider:
    """One account at one endpoint."""

    rungs: tuple[Rung, ...] = (Rung.json_schema, Rung.prompt)

    def __init__(self, spec: ProviderSpec, secret: Secret, *, timeout_s: float) -> None:
        """Args as in ``open_provider``."""
        self.secret = secret
        self._spec = spec
        self.client = anthropic.AsyncAnthropic(
            api_key=secret.reveal(), base_url=spec.base_url, timeout=timeout_s, max_retries=0
        )

    async def send(self, request: Request, *, rung: Rung) -> RawReply:
        """Send once; see ``Provider.send``."""
        failure = None
        try:
            raw = await self.client.messages.with_raw_response.create(**self.body(request, rung))
        except Exception as error:
            failure = send_error(error, anthropic, self.secret)
        if failure is not None:  # raised out here, so that it does not carry the SDK's error, and the key, along
            raise failure
        headers, status = raw.http_response.headers, raw.http_response.status_code
        try:
            return read_message(
                read_body(raw, self.secret), http_status=status, request_id=request_id(headers, self.secret)
            )
        except ValueError:
            raise bad_reply(raw, self.secret) from None

    async def close(self) -> None:
        """Let go of connections."""
        await self.client.close()

    def body(self, request: Request, rung: Rung) -> dict[str, Any]:
        """What is sent for a request."""
        kind = self._spec.kind
        if rung is not Rung.json_schema:
            request = with_schema_in_prompt(request, kind)
        system = "\n\n".join(message.content for message in request.messages if message.role == "system")
        turns = [{"role": one.role, "content": one.content} for one in request.messages if one.role != "system"]
        body: dict[str, Any] = {"model": self._spec.model, "max_tokens": request.max_output_tokens, "messages": turns}
        if system:
            body["system"] = [{"type": "text", "text": system, "cache_control": {"type": "ephemeral"}}]
        if rung is Rung.json_schema:
            body["output_config"] = {"format": wire_format(request.reply_model, kind)}
        return body


def read_message(body: dict[str, Any], *, http_status: int, request_id: str | None) -> RawReply:
    """The reply in a message's body, sent live or in a batch.

    Raises:
        ValueError: It is no message.
    """
    try:
        blocks = body["content"] or []
        text = printable("".join(block["text"] for block in blocks if block["type"] == "text"))
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
