"""OpenAI's chat completions, and every server that speaks them."""

from __future__ import annotations

from typing import Any

import openai

from autointerp.llm._http import bad_reply, believable, count, read_body, request_id, send_error
from autointerp.llm._ladder import with_schema_in_prompt
from autointerp.llm._provider import RawReply, Rung
from autointerp.llm._reply import Outcome, Usage
from autointerp.llm._request import Request
from autointerp.llm._schema import wire_format
from autointerp.llm._secret import Secret
from autointerp.llm._spec import ProviderSpec
from autointerp.llm._text import printable


class OpenAIProvider:
    """One account at one endpoint."""

    rungs: tuple[Rung, ...] = (Rung.json_schema, Rung.json_object, Rung.prompt)

    def __init__(self, spec: ProviderSpec, secret: Secret, *, timeout_s: float) -> None:
        """Args as in ``open_provider``."""
        self.secret = secret
        self._spec = spec
        self._limit_name = "max_completion_tokens"
        self.client = openai.AsyncOpenAI(
            api_key=secret.reveal(), base_url=spec.base_url, timeout=timeout_s, max_retries=0
        )

    async def send(self, request: Request, *, rung: Rung) -> RawReply:
        """Send once; see ``Provider.send``."""
        limit_name = self._limit_name
        failure = None
        try:
            raw = await self.client.chat.completions.with_raw_response.create(**self.body(request, rung, limit_name))
        except Exception as error:
            failure = send_error(error, openai, self.secret)
        if failure is not None:  # raised out here, so that it does not carry the SDK's error, and the key, along
            if failure.refuses == "limit":
                failure.refuses = "limit" if limit_name == "max_completion_tokens" else ""
                self._limit_name = "max_tokens"
            raise failure
        headers, status = raw.http_response.headers, raw.http_response.status_code
        try:
            return read_completion(
                read_body(raw, self.secret), http_status=status, request_id=request_id(headers, self.secret)
            )
        except ValueError:
            raise bad_reply(raw, self.secret) from None

    async def close(self) -> None:
        """Let go of connections."""
        await self.client.close()

    def body(self, request: Request, rung: Rung, limit_name: str = "max_completion_tokens") -> dict[str, Any]:
        """What is sent for a request."""
        kind = self._spec.kind
        if rung is not Rung.json_schema:
            request = with_schema_in_prompt(request, kind)
        messages = [{"role": message.role, "content": message.content} for message in request.messages]
        body = {"model": self._spec.model, "messages": messages, limit_name: request.max_output_tokens}
        if rung is Rung.json_schema:
            body["response_format"] = wire_format(request.reply_model, kind)
        elif rung is Rung.json_object:
            body["response_format"] = {"type": "json_object"}
        return body


def read_completion(body: dict[str, Any], *, http_status: int, request_id: str | None) -> RawReply:
    """The reply in a chat completion's body, sent live or in a batch.

    Raises:
        ValueError: It is no chat completion.
    """
    try:
        choice = body["choices"][0]
        message, finish = choice["message"], choice.get("finish_reason")
        text, refusal = message.get("content"), message.get("refusal")
        text = printable(text or refusal or "")
    except (KeyError, IndexError, TypeError, AttributeError):
        raise ValueError("no chat completion") from None
    outcome, reason = Outcome.ok, ""
    if finish == "content_filter":
        outcome, reason = Outcome.filtered, "content_filter"
    elif refusal:
        outcome, reason = Outcome.refused, "the model declined"
    elif finish == "length":
        outcome, reason = Outcome.truncated, "cut at the token limit"
    return RawReply(text, outcome, reason, _usage(body), request_id, http_status)


def _usage(body: dict[str, Any]) -> Usage | None:
    usage = body.get("usage")
    details = usage.get("prompt_tokens_details") if isinstance(usage, dict) else None
    thinking = usage.get("completion_tokens_details") if isinstance(usage, dict) else None
    try:
        return believable(
            Usage(
                tokens_in=count(usage, "prompt_tokens"),
                tokens_out=count(usage, "completion_tokens"),
                tokens_cached=count(details, "cached_tokens"),
                tokens_cache_written=count(details, "cache_write_tokens"),
                tokens_reasoning=count(thinking, "reasoning_tokens"),
            )
        )
    except ValueError:
        return None
