"""The ways to ask for a schema."""

from __future__ import annotations

from enum import StrEnum


class Rung(StrEnum):
    """How a schema is asked for, best first."""

    json_schema = "json_schema"
    """The server is bound to the schema."""
    json_object = "json_object"
    """The server is bound to JSON (some servers: to the schema, too); the schema stands in the prompt."""
    tool = "tool"
    """The model must call a tool whose arguments have the schema."""
    prompt = "prompt"
    """The schema stands in the prompt, and nothing is bound."""
