"""OpenAI's chat completions, and every server that speaks them."""

from __future__ import annotations

from typing import Any

import httpx2
import openai

from autointerp.llm._http import bad_reply, believable, count, read_body, request_id, send_error
from autointerp.llm._ladder import with_schema_in_prompt
from autointerp.llm._lanes import Lanes
from autointerp.llm._provider import RawReply, SendError
from autointerp.llm._reply import Outcome, Usage
from autointerp.llm._request import Request
from autointerp.llm._rung import Rung
from autointerp.llm._schema import wire_format
from autointerp.llm._secret import Secret
from autointerp.llm._spec import ProviderSpec
from autointerp.llm._text import printable

OLD_LIMIT = "max_tokens"
PLAIN_OBJECT = "json_object without a schema"


class OpenAIProvider:
    """One account at one endpoint."""

    rungs: tuple[Rung, ...] = (Rung.json_schema, Rung.json_object, Rung.tool, Rung.prompt)

    def __init__(self, spec: ProviderSpec, secret: Secret, *, timeout_s: float, quirks: set[str]) -> None:
        """Args as in ``open_provider``; what is found out about the server is noted in ``quirks``."""
        self.secret = secret
        self._spec = spec
        self._quirks = quirks
        key, url = secret.reveal(), spec.base_url
        self._lanes = Lanes(lambda: openai.AsyncOpenAI(api_key=key, base_url=url, timeout=timeout_s, max_retries=0))

    @property
    def client(self) -> openai.AsyncOpenAI:
        """The SDK's own."""
        return self._lanes.first

    async def send(self, request: Request, *, rung: Rung) -> RawReply:
        """Send once; see ``Provider.send``."""
        quirks = frozenset(self._quirks)
        body = self.body(request, rung, quirks)
        failure = None
        try:  # the SDK's way to a bare response: its typed create() takes half a millisecond more of every request
            with self._lanes.lend() as client:
                response = await client.post(
                    "/chat/completions", cast_to=httpx2.Response, body=body, options={"follow_redirects": False}
                )
        except Exception as error:
            failure = send_error(error, openai, self.secret, rung=rung)
        if failure is not None:  # raised out here, so that it does not carry the SDK's error, and the key, along
            self._learn(failure, rung, quirks)
            raise failure
        shown = request_id(response.headers, self.secret)
        try:
            return read_completion(read_body(response, self.secret), http_status=response.status_code, request_id=shown)
        except ValueError:
            raise bad_reply(response, self.secret) from None

    async def close(self) -> None:
        """Let go of connections."""
        await self._lanes.close()

    def body(self, request: Request, rung: Rung, quirks: frozenset[str] = frozenset()) -> dict[str, Any]:
        """What is sent for a request."""
        form = wire_format(request.reply_model, self._spec.kind)
        named = form["json_schema"]
        if rung in (Rung.json_object, Rung.prompt):
            request = with_schema_in_prompt(request, self._spec.kind)
        messages = [{"role": message.role, "content": message.content} for message in request.messages]
        limit = OLD_LIMIT if OLD_LIMIT in quirks else "max_completion_tokens"
        body = {"model": self._spec.model, "messages": messages, limit: request.max_output_tokens}
        if rung is Rung.json_schema:
            body["response_format"] = form
        elif rung is Rung.json_object:  # with the schema: llama-cpp-python's server takes it here and nowhere else
            schema = {} if PLAIN_OBJECT in quirks else {"schema": named["schema"]}
            body["response_format"] = {"type": "json_object", **schema}
        elif rung is Rung.tool:
            function = {"name": named["name"], "description": "Give the answer.", "parameters": named["schema"]}
            body["tools"] = [{"type": "function", "function": function}]
            body["tool_choice"] = {"type": "function", "function": {"name": named["name"]}}
        return body

    def _learn(self, failure: SendError, rung: Rung, quirks: frozenset[str]) -> None:
        """Note what the server did not like, where it can be said in another way: ``send`` does so from now on."""
        if failure.refuses == "limit":
            failure.refuses = "" if OLD_LIMIT in quirks else "detail"
            self._quirks.add(OLD_LIMIT)
        elif failure.refuses == "format" and rung is Rung.json_object and PLAIN_OBJECT not in quirks:
            failure.refuses = "detail"
            self._quirks.add(PLAIN_OBJECT)


def read_completion(body: dict[str, Any], *, http_status: int, request_id: str | None) -> RawReply:
    """The reply in a chat completion's body, sent live or in a batch.

    Raises:
        ValueError: It is no chat completion.
    """
    try:
        choice = body["choices"][0]
        message, finish = choice["message"], choice.get("finish_reason")
        text, refusal = message.get("content"), message.get("refusal")
        if message.get("tool_calls"):  # only where a tool was asked for
            text = message["tool_calls"][0]["function"]["arguments"]
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
