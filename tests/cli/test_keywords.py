"""Keywords that verbs share: written once, and still keywords of every verb, in Python and on the command line."""

from __future__ import annotations

import inspect
from typing import Annotated, TypedDict, Unpack

import pytest

from autointerp import verbs
from autointerp._keywords import with_keywords
from autointerp.cli import _options


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


@pytest.mark.parametrize("name", ["SpendingOptions", "DeliveryOptions", "AskingOptions"])
def test_the_command_line_has_an_option_for_every_keyword(name: str) -> None:
    keys = [list(inspect.get_annotations(getattr(module, name))) for module in (verbs, _options)]
    assert keys[0] == keys[1]


@pytest.mark.parametrize(("name", "options"), [
    ("label", verbs.AskingOptions), ("score", verbs.AskingOptions), ("reliability", verbs.DeliveryOptions),
    ("retry", verbs.SpendingOptions),
])  # fmt: skip
def test_every_verb_that_asks_shows_its_keywords(name: str, options: type) -> None:
    assert set(options.__annotations__) <= set(inspect.signature(getattr(verbs, name)).parameters)
