"""The prompt files."""

from __future__ import annotations

import jinja2
import pytest

from prompts import Prompt, load_prompt


@pytest.mark.parametrize("name", ["label", "detect", "fuzz", "intruder", "simulate"])
def test_both_parts_are_there_and_the_version_is_the_content(name: str) -> None:
    prompt = load_prompt(name)
    assert len(prompt.system) > 300
    assert prompt.version == f"{name}@{prompt.sha256[:12]}"
    assert Prompt(name, prompt.text + " ").version != prompt.version


def test_data_is_not_read_as_a_template() -> None:
    assert "{{ 1 + 1 }}" in load_prompt("label").user(contexts="{{ 1 + 1 }}")


def test_a_missing_value_is_an_error() -> None:
    with pytest.raises(jinja2.UndefinedError):
        load_prompt("detect").user(contexts="")


def test_an_unknown_prompt_is_an_error() -> None:
    with pytest.raises(FileNotFoundError):
        load_prompt("no_such_prompt")
