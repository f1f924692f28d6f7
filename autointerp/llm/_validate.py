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


class NotJSONError(ValueError):
    """Text that is not JSON, or JSON for some parsers and not for us; its text says why, in short."""


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
    try:
        return model.model_validate(parse_json(body), strict=True)
    except NotJSONError as error:
        return str(error)
    except ValidationError as error:
        return _complaint(error)


def parse_json(text: str) -> Any:
    """Read JSON strictly: no constants like NaN, no name twice in an object, no deep nesting.

    Raises:
        NotJSONError: It is anything else.
    """
    if _depth(text) > MAX_DEPTH:
        raise NotJSONError(f"the reply is nested deeper than {MAX_DEPTH} levels")
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise NotJSONError(f"not JSON: {error.msg} at character {error.pos}") from None
    except NotJSONError:
        raise
    except ValueError:  # an integer with thousands of digits
        raise NotJSONError("not JSON we accept: a number is too long") from None


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
            raise NotJSONError(f'not JSON we accept: the key "{excerpt(name, 60)}" appears twice')
        found[name] = value
    return found


def _no_constant(name: str) -> NoReturn:
    raise NotJSONError(f"not JSON we accept: {name} is not a number")


def _complaint(error: ValidationError) -> str:
    """The first three errors: where and what, without the values."""
    errors = error.errors(include_input=False, include_url=False, include_context=False)
    shown = [f"{'.'.join(map(str, one['loc'])) or 'reply'}: {one['msg']}" for one in errors[:3]]
    more = f" (and {len(errors) - 3} more)" if len(errors) > 3 else ""
    return excerpt("; ".join(shown)) + more
