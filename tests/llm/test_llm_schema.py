"""The wire schema, byte for byte, and what it refuses."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from llm_scripted_server import Verdict
from pydantic import BaseModel, Field, create_model

from autointerp.errors import UsageError
from autointerp.llm import wire_format

OPENAI = {
    "type": "json_schema",
    "json_schema": {
        "name": "Verdict",
        "strict": True,
        "schema": {
            "type": "object",
            "properties": {
                "label": {
                    "type": "string",
                    "description": "A few words. (at least 1 characters; at most 40 characters)",
                },
                "kind": {"type": "string", "enum": ["MONO", "POLY"]},
                "confidence": {"type": "integer", "minimum": 1, "maximum": 5},
                "evidence": {"type": "array", "items": {"type": "integer"}},
            },
            "required": ["label", "kind", "confidence", "evidence"],
            "additionalProperties": False,
        },
    },
}


def test_openai_golden() -> None:
    assert wire_format(Verdict, "openai") == OPENAI


def test_anthropic_golden() -> None:
    schema = OPENAI["json_schema"]["schema"]  # type: ignore[index]
    confidence = {"type": "integer", "description": "(at least 1; at most 5)"}
    expected = {**schema, "properties": {**schema["properties"], "confidence": confidence}}
    assert wire_format(Verdict, "anthropic") == {"type": "json_schema", "schema": expected}


def test_every_kind_of_field() -> None:
    class Many(BaseModel):
        flag: bool
        number: Literal[1, 2]
        words: Annotated[list[Annotated[str, Field(max_length=9)]], Field(max_length=3)]
        exclusive: int = Field(gt=0, lt=10, default=3)
        code: str = Field(pattern="^[a-z]+$")

    properties = wire_format(Many, "openai")["json_schema"]["schema"]["properties"]
    assert properties == {
        "flag": {"type": "boolean"},
        "number": {"type": "integer", "enum": [1, 2]},
        "words": {
            "type": "array",
            "items": {"type": "string"},
            "description": "(at most 3 items; each item: at most 9 characters)",
        },
        "exclusive": {"type": "integer", "minimum": 1, "maximum": 9},
        "code": {"type": "string", "description": "(pattern ^[a-z]+$)"},
    }


@pytest.mark.parametrize(
    "kind", [float, dict[str, int], int | None, Any, list[list[float]], Literal["a", 1], Verdict, list]
)
def test_what_is_not_flat_is_refused_by_name(kind: Any) -> None:
    model = create_model("Odd", field=(kind, ...))
    with pytest.raises(UsageError, match=r"Odd\.field"):
        wire_format(model, "openai")


def test_names_are_made_acceptable() -> None:
    model = create_model("A[b] ü", field=(int, ...))
    assert wire_format(model, "openai")["json_schema"]["name"] == "A_b___"
