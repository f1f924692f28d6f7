"""What both SDKs share: reading a body ourselves, and turning their exceptions into ours."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from types import ModuleType
from typing import Any

import httpx2

from autointerp.llm._provider import SendError
from autointerp.llm._reply import Usage
from autointerp.llm._rung import Rung
from autointerp.llm._secret import Secret
from autointerp.llm._text import excerpt

RETRYABLE = frozenset({408, 409, 425, 429})
OVERLOAD = frozenset({429, 503, 529})
FATAL = frozenset({401, 402, 403})
FATAL_CODES = (
    "insufficient_quota",
    "spend_limit",
    "billing",
    "credit_balance",
    "account_deactivated",
    "organization_on_hold",
)
_FORMAT = ("response_format", "json_schema", "json_object", "output_config", "output_format", "structured output")
_ASKED: dict[Rung | None, tuple[str, ...]] = {
    Rung.json_schema: _FORMAT,
    Rung.json_object: _FORMAT,
    Rung.tool: (
        "tool_choice",
        "tool choice",
        "tools are",
        "tool use",
        "tools is",
        "'tools'",
        '"tools',
        "function call",
    ),
}
"""What a server that does not know a way of asking says."""
_MEANING = {413: "the request is larger than this server takes"} | dict.fromkeys(
    (301, 302, 303, 307, 308), "a redirect, which is not followed: give the address it leads to"
)
MAX_TOKENS = 100_000_000  # a count above this is a broken server's


def read_body(response: httpx2.Response, secret: Secret) -> dict[str, Any]:
    """The JSON object of a 200.

    Args:
        response: Read to its end.
        secret: Masked in the reason, should the server echo it.

    Raises:
        SendError: Anything else than a JSON object; may be tried again.
    """
    try:
        body = json.loads(response.content)
    except (ValueError, RecursionError):
        body = None
    if isinstance(body, dict):
        return body
    raise bad_reply(response, secret)


def bad_reply(response: httpx2.Response, secret: Secret) -> SendError:
    """A 200 that is no reply: HTML, an empty body, cut or foreign JSON."""
    kind = excerpt(secret.redact(response.headers.get("content-type", "no content type")), 60)
    shown = excerpt(secret.redact(response.content[:400].decode("utf-8", "replace")))
    return SendError(
        f'bad_reply: status {response.status_code}, {kind}, begins "{shown}"',
        is_retryable=True,
        http_status=response.status_code,
        request_id=request_id(response.headers, secret),
    )


def request_id(headers: Mapping[str, str], secret: Secret) -> str | None:
    """The server's name for the request, where it gives one; the key, should it be echoed here, is masked."""
    found = headers.get("x-request-id") or headers.get("request-id")
    return excerpt(secret.redact(found), 100) if found else None


def count(usage: Any, name: str) -> int:
    """A token count of a usage object; 0 where it is absent.

    Raises:
        ValueError: It is not a believable count.
    """
    value = usage.get(name) if isinstance(usage, dict) else None
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_TOKENS:
        raise ValueError(name)
    return value


def believable(usage: Usage) -> Usage | None:
    """None for a usage that can't be: no input at all, or parts larger than the whole."""
    parts = usage.tokens_cached + usage.tokens_cache_written
    fits = parts <= usage.tokens_in and usage.tokens_reasoning <= usage.tokens_out
    return usage if usage.tokens_in > 0 and fits else None


def send_error(error: Exception, sdk: ModuleType, secret: Secret, *, rung: Rung | None = None) -> SendError:
    """Our error for an SDK's.

    Args:
        error: What the SDK raised.
        sdk: ``openai`` or ``anthropic``, whose exception classes have the same names.
        secret: Masked, should the server echo it.
        rung: How the schema was asked for, so that a refusal of just that is known as one.
    """
    name = type(error).__name__
    if isinstance(error, sdk.APIStatusError):
        return _status_error(error, name, secret, rung)
    if isinstance(error, (sdk.APIConnectionError, sdk.APIResponseValidationError, json.JSONDecodeError)):
        return SendError(f"{name}: no reply came", is_retryable=True)
    return SendError(f"{name}: the request could not be sent")


def _status_error(error: Any, name: str, secret: Secret, rung: Rung | None) -> SendError:
    status, headers = int(error.status_code), error.response.headers
    words = _text_of(error.body).lower()
    code = secret.redact(_code(error.body))
    fatal = status in FATAL or (status in (400, 429) and any(one in code for one in FATAL_CODES))
    return SendError(
        ", ".join(filter(None, (f"{name}: status {status}", code, _MEANING.get(status)))),
        is_retryable=not fatal and (status in RETRYABLE or status >= 500),
        is_fatal=fatal,
        is_overload=not fatal and status in OVERLOAD,
        refuses=_refused_feature(status, words, rung),
        http_status=status,
        request_id=request_id(headers, secret),
        retry_after_s=retry_after_s(headers, now=time.time()),
    )


def _refused_feature(status: int, words: str, rung: Rung | None) -> str:
    """Which optional part of the request a server says it does not know."""
    if status not in (400, 415, 422, 500, 501):
        return ""
    if status == 400 and "max_completion_tokens" in words:
        return "limit"
    return "format" if any(one in words for one in _ASKED.get(rung, ())) else ""


def _text_of(body: object) -> str:
    return body if isinstance(body, str) else json.dumps(body, default=str)


def _code(body: object) -> str:
    """The most telling of the codes a body has, if it looks like one: a few lower-case words."""
    inner = body.get("error", body) if isinstance(body, dict) else None
    if not isinstance(inner, dict):
        return ""
    details = inner.get("details")
    nested = details.get("error_code") if isinstance(details, dict) else None
    for found in (nested, inner.get("code"), inner.get("type")):
        if isinstance(found, str) and 0 < len(found) <= 60 and found.replace("_", "").isalpha() and found.islower():
            return found
    return ""


def retry_after_s(headers: Mapping[str, str], *, now: float) -> float | None:
    """How long a server asks to wait.

    Args:
        headers: Its ``retry-after-ms`` or ``retry-after`` (seconds or an HTTP date) is read.
        now: Unix time, for dates.

    Returns:
        Seconds, at least 0; None where nothing sensible is said.
    """
    for header, scale in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(header, "")) / scale
        except ValueError:
            continue
        if math.isfinite(seconds) and seconds >= 0:
            return seconds
    try:
        moment = parsedate_to_datetime(headers.get("retry-after", "")).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return max(0.0, moment - now)
