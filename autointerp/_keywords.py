"""Keywords that several functions share: written once, as a TypedDict, and still keywords of each function."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import ParamSpec, TypeVar, get_args, get_type_hints

P = ParamSpec("P")
R = TypeVar("R")


def with_keywords(function: Callable[P, R]) -> Callable[P, R]:
    """Make the keys of a function's ``**options: Unpack[SomeTypedDict]`` keywords of its own, before the others.

    So ``help()``, a notebook's completion and the command line's parser see them, and any other keyword is refused as
    Python does. A key's default is False where it is a bool, else None.

    Args:
        function: Its last parameter is such an ``**options``; annotations must resolve when it is defined.

    Returns:
        The function, which raises TypeError for arguments that its signature does not take.
    """
    signature = inspect.signature(function, eval_str=True)
    *own, options = signature.parameters.values()
    table = get_args(options.annotation)[0]
    plain, annotated = get_type_hints(table), get_type_hints(table, include_extras=True)
    keyword = inspect.Parameter.KEYWORD_ONLY
    shared = [
        inspect.Parameter(key, keyword, default=False if plain[key] is bool else None, annotation=annotated[key])
        for key in plain
    ]
    before = [one for one in own if one.kind is not keyword]
    flat = signature.replace(parameters=[*before, *shared, *own[len(before) :]])

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            flat.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{function.__name__}(): {error}") from None
        return function(*args, **kwargs)

    call.__signature__ = flat  # type: ignore[attr-defined]
    return call
