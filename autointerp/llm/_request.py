"""A request, and the hash that says whether two are the same."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel

from autointerp.llm._schema import wire_format
from autointerp.llm._spec import ProviderSpec
from autointerp.llm._text import printable

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True)
class Message:
    """One turn of a conversation."""

    role: Role
    content: str
    """Text; lone surrogates, which no wire can carry, become escapes."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "content", printable(self.content))


@dataclass(frozen=True)
class Request:
    """What to ask, and the shape of the answer."""

    messages: tuple[Message, ...]
    """System messages first, then at least one user message."""
    reply_model: type[BaseModel]
    """A flat model: fields of str, int, bool, Literal, or lists of those."""
    max_output_tokens: int = 600
    sample: int = 0
    """Which of several answers to the same question; part of the key."""
    tag: str = ""
    """For people reading the journal; not part of the key."""


def request_key(request: Request, spec: ProviderSpec) -> str:
    """Content hash of everything that decides the answer.

    Args:
        request: Its tag is left out.
        spec: Kind, endpoint and model count; whether it is a replay does not.

    Returns:
        Hex sha256 over canonical JSON (ASCII, sorted keys, no spaces).
    """
    return hashlib.sha256(canonical_json(_content(request, spec)).encode("ascii")).hexdigest()


def request_json(request: Request, spec: ProviderSpec) -> str:
    """The same content as readable JSON, for the journal."""
    return canonical_json(_content(request, spec))


def canonical_json(value: object) -> str:
    """One text for one value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def _content(request: Request, spec: ProviderSpec) -> dict[str, object]:
    return {
        "provider": spec.kind,
        "endpoint": spec.base_url,
        "model": spec.model,
        "messages": [{"role": message.role, "content": message.content} for message in request.messages],
        "format": wire_format(request.reply_model, spec.kind),
        "parameters": {"max_output_tokens": request.max_output_tokens},
        "sample": request.sample,
    }
