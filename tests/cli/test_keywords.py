"""Keywords that verbs share: written once, and still keywords of every verb, in Python and on the command line."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Annotated, TypedDict, Unpack

import pytest

from autointerp import verbs
from autointerp._keywords import only, with_keywords
from autointerp.cli import _options
from autointerp.run import Progress, RunDirectory
from autointerp.verbs._inputs import Options


class Shared(TypedDict, total=False):
    price: Annotated[float | None, "words for the parser"]
    again: Annotated[bool, "more words"]
    maybe: bool | None


@with_keywords
def verb(where: str, how: str = "slowly", *, last: int = 0, **options: Unpack[Shared]) -> dict[str, object]:
    return {"where": where, "how": how, "last": last, **options}


def test_shared_keywords_stand_in_the_signature_before_the_functions_own() -> None:
    found = inspect.signature(verb).parameters
    assert list(found) == ["where", "how", "price", "again", "maybe", "last"]
    assert [found[key].default for key in ("price", "again", "maybe")] == [None, False, None]
    assert found["price"].annotation == Annotated[float | None, "words for the parser"]


def test_the_function_gets_what_was_given() -> None:
    assert verb("here", price=2.0, last=1) == {"where": "here", "how": "slowly", "last": 1, "price": 2.0}


@pytest.mark.parametrize(("arguments", "keywords"), [(("a",), {"prize": 1}), ((), {"price": 1.0}), (("a", "b", 1), {})])
def test_what_the_signature_does_not_take_is_refused(arguments: tuple, keywords: dict) -> None:
    with pytest.raises(TypeError, match=r"^verb\(\): "):
        verb(*arguments, **keywords)


def test_keys_of_one_table_are_chosen_from_several() -> None:
    assert only(Shared, {"price": None, "model": "bundled", "again": True}) == {"price": None, "again": True}


@pytest.mark.parametrize("name", [
    "TextOptions", "InputOptions", "SpendingOptions", "DeliveryOptions", "AskingOptions", "LabelOptions",
])  # fmt: skip
def test_the_command_line_has_an_option_for_every_keyword(name: str) -> None:
    keys = [list(inspect.get_annotations(getattr(module, name))) for module in (verbs, _options)]
    assert keys[0] == keys[1]


@pytest.mark.parametrize(("name", "options"), [
    ("harvest", verbs.InputOptions), ("evaluate", verbs.InputOptions), ("finetune", verbs.InputOptions),
    ("compare", verbs.TextOptions), ("label", verbs.LabelOptions), ("score", verbs.AskingOptions),
    ("reliability", verbs.DeliveryOptions), ("retry", verbs.SpendingOptions),
])  # fmt: skip
def test_every_verb_shows_the_keywords_it_shares(name: str, options: type) -> None:
    assert set(options.__annotations__) <= set(inspect.signature(getattr(verbs, name)).parameters)


class AskedError(Exception):
    """Stops a verb where it opens its inputs; holds what was asked for."""


@pytest.mark.parametrize(("name", "more"), [("harvest", {}), ("label", {"max_requests": 3}), ("evaluate", {})])
def test_every_input_is_asked_for(name: str, more: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def open_inputs(run: RunDirectory, options: Options, progress: Progress) -> None:
        raise AskedError(options)

    monkeypatch.setattr(f"autointerp.verbs._{name}.open_inputs", open_inputs)
    given = {
        "model": "bundled", "hook_point": "blocks.1.hook_resid_pre", "corpus": "python", "column": "code",
        "n_tokens": 50, "seed": 3, "keep_bos": True, "device": "cuda", "threads": 2,
    }  # fmt: skip
    with pytest.raises(AskedError) as caught:
        getattr(verbs, name)("an-sae", tmp_path / "run", **given, **more)
    assert caught.value.args == (Options(sae="an-sae", **given),)
