"""The JSON schema a provider sees, written here so that no SDK update can change a prompt or a key.

Reply models are flat: fields of ``str``, ``int``, ``bool``, ``Literal``, or lists of those. Each provider accepts
another part of JSON Schema, so bounds a provider does not take are told in words, in the description. The reply is
validated here against the model in any case.
"""

from __future__ import annotations

import re
import types
from collections.abc import Iterable
from functools import lru_cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from autointerp.errors import UsageError

JSON_TYPES = {str: "string", int: "integer", bool: "boolean"}


@lru_cache(maxsize=64)
def wire_format(model: type[BaseModel], kind: str) -> dict[str, Any]:
    """What goes into the request to ask for this model; always the same object, not to be changed.

    Args:
        model: A flat reply model.
        kind: ``anthropic`` gives a value for ``output_config["format"]``, the others one for OpenAI's
            ``response_format`` (strict).

    Raises:
        UsageError: The model has a field that is not flat.
    """
    schema = wire_schema(model, kind)
    if kind == "anthropic":
        return {"type": "json_schema", "schema": schema}
    name = re.sub(r"[^A-Za-z0-9_-]", "_", model.__name__)[:64]
    return {"type": "json_schema", "json_schema": {"name": name, "strict": True, "schema": schema}}


@lru_cache(maxsize=64)
def wire_schema(model: type[BaseModel], kind: str) -> dict[str, Any]:
    """The bare JSON schema: every field required, nothing else allowed, no defaults; always the same object.

    Args:
        model: A flat reply model.
        kind: ``anthropic`` has all bounds in words; the others keep the bounds of integers.

    Raises:
        UsageError: The model has a field that is not flat.
    """
    properties = {name: _field(model, name, field, kind) for name, field in model.model_fields.items()}
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _field(model: type[BaseModel], name: str, field: FieldInfo, kind: str) -> dict[str, Any]:
    where = f"{model.__name__}.{name}"
    written, notes = _typed(field.annotation, field.metadata, kind, where)
    described = " ".join(part for part in (field.description or "", f"({'; '.join(notes)})" if notes else "") if part)
    return {**written, "description": described} if described else written


def _typed(annotation: Any, metadata: Iterable[Any], kind: str, where: str) -> tuple[dict[str, Any], list[str]]:
    """Schema of one type, and its bounds that have to be said in words."""
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *more = get_args(annotation)
        plain = [part for one in more for part in (one.metadata if isinstance(one, FieldInfo) else [one])]
        return _typed(inner, [*metadata, *plain], kind, where)
    if origin is list:
        items, notes = _typed(get_args(annotation)[0], [], kind, f"{where}[]")
        lengths = _lengths(metadata, "items")
        return {"type": "array", "items": items}, [*lengths, *(f"each item: {note}" for note in notes)]
    if origin is Literal:
        return _literal(get_args(annotation), where), []
    if annotation is int:
        return _integer(metadata, kind)
    if annotation in JSON_TYPES:
        return {"type": JSON_TYPES[annotation]}, [*_lengths(metadata, "characters"), *_pattern(metadata)]
    shown = annotation if origin in (Union, types.UnionType) else getattr(annotation, "__name__", annotation)
    raise UsageError(
        f"reply model: {where} is {shown}; only str, int, bool, Literal and lists of those can be asked for."
    )


def _literal(values: tuple[Any, ...], where: str) -> dict[str, Any]:
    kinds = {type(value) for value in values}
    if len(kinds) != 1 or not kinds <= set(JSON_TYPES):
        raise UsageError(f"reply model: {where} is a Literal of {values}; its values must all be str or all be int.")
    return {"type": JSON_TYPES[kinds.pop()], "enum": list(values)}


def _integer(metadata: Iterable[Any], kind: str) -> tuple[dict[str, Any], list[str]]:
    low, high = _bound(metadata, "ge", "gt", 1), _bound(metadata, "le", "lt", -1)
    if kind != "anthropic":
        bounds = {"minimum": low, "maximum": high}
        return {"type": "integer", **{name: value for name, value in bounds.items() if value is not None}}, []
    words = [f"at least {low}"] if low is not None else []
    return {"type": "integer"}, words + ([f"at most {high}"] if high is not None else [])


def _bound(metadata: Iterable[Any], closed: str, is_open: str, step: int) -> int | None:
    for item in metadata:
        if getattr(item, closed, None) is not None:
            return int(getattr(item, closed))
        if getattr(item, is_open, None) is not None:
            return int(getattr(item, is_open)) + step
    return None


def _lengths(metadata: Iterable[Any], unit: str) -> list[str]:
    notes = []
    for item in metadata:
        if getattr(item, "min_length", None):
            notes.append(f"at least {item.min_length} {unit}")
        if getattr(item, "max_length", None) is not None:
            notes.append(f"at most {item.max_length} {unit}")
    return notes


def _pattern(metadata: Iterable[Any]) -> list[str]:
    return [f"pattern {item.pattern}" for item in metadata if getattr(item, "pattern", None)]
