"""From a reply's text to a validated value, or to a reason why not. Nothing is repaired, nothing is clamped."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn, TypeVar

from pydantic import BaseModel, ValidationError

from autointerp.llm._text import excerpt

MAX_CHARACTERS = 1_000_000
MAX_DEPTH = 20

Model = TypeVar("Model", bound=BaseModel)

_FENCE = re.compile(r"\A```[A-Za-z]*[ \t]*\n(.*)\n[ \t]*```\Z", re.DOTALL)


class _RefusedError(ValueError):
    """Text that is JSON for some parsers and not for us."""


def validate_reply(text: str, model: type[Model]) -> Model | str:
    """Read a reply.

    Args:
        text: The whole reply; one Markdown code fence around it is taken off.
        model: What it must be.

    Returns:
        The value, or a reason: one short ASCII line with at most 200 escaped characters of the reply.
    """
    if len(text) > MAX_CHARACTERS:
        return f"the reply has {len(text)} characters, more than {MAX_CHARACTERS}"
    fenced = _FENCE.match(text.strip())
    body = fenced.group(1) if fenced else text.strip()
    if not body:
        return "the reply is empty"
    if _depth(body) > MAX_DEPTH:
        return f"the reply is nested deeper than {MAX_DEPTH} levels"
    try:
        value = json.loads(body, object_pairs_hook=_unique, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        return f"not JSON: {error.msg} at character {error.pos}"
    except _RefusedError as error:
        return f"not JSON we accept: {error}"
    except ValueError:  # an integer with thousands of digits
        return "not JSON we accept: a number is too long"
    try:
        return model.model_validate(value, strict=True)
    except ValidationError as error:
        return _complaint(error)


def _depth(text: str) -> int:
    """Deepest nesting of brackets outside strings, found without recursion."""
    depth = deepest = 0
    in_string = escaped = False
    for character in text:
        if in_string:
            if escaped:
                escaped = False
            elif character == "\\":
                escaped = True
            elif character == '"':
                in_string = False
        elif character == '"':
            in_string = True
        elif character in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "]}":
            depth -= 1
    return deepest


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise _RefusedError(f'the key "{excerpt(name, 60)}" appears twice')
        found[name] = value
    return found


def _no_constant(name: str) -> NoReturn:
    raise _RefusedError(f"{name} is not a number")


def _complaint(error: ValidationError) -> str:
    """The first three errors: where and what, without the values."""
    errors = error.errors(include_input=False, include_url=False, include_context=False)
    shown = [f"{'.'.join(map(str, one['loc'])) or 'reply'}: {one['msg']}" for one in errors[:3]]
    more = f" (and {len(errors) - 3} more)" if len(errors) > 3 else ""
    return excerpt("; ".join(shown)) + more
