"""Several modules as one, for a page that is one file: there a module has no address to be imported from.

What modules may say is little, so that reading them takes two patterns: imports of names from files beside them
(``import {a, b as c} from './x.js';``) and exported declarations (``export function a``), each at the start of a line.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from graphlib import CycleError, TopologicalSorter

from autointerp.errors import AutointerpError

_IMPORT = re.compile(r"^import\s*\{([^}]*)\}\s*from\s*'\./([\w.-]+\.js)';", re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async function|function|class|const|let)\*? (\w+))", re.MULTILINE)
_LEFT = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)
_ENDS_THE_SCRIPT = re.compile(r"</script|<!--", re.IGNORECASE)


def bundle(entry: str, read: Callable[[str], str]) -> str:
    """One script that does what a module and all that it imports do.

    Each module becomes a function of its own that returns what it exports, called after those that it imports.

    Args:
        entry: Name of the module to start with.
        read: Gives a module's text by its name.

    Raises:
        AutointerpError: A module says more than this understands, they import each other in a circle, or a text would
            end the ``<script>`` that it stands in.
    """
    texts: dict[str, str] = {}
    needs: dict[str, list[str]] = {}
    waiting = [entry]
    while waiting:
        name = waiting.pop()
        if name not in texts:
            texts[name] = read(name)
            needs[name] = [found[2] for found in _IMPORT.finditer(texts[name])]
            waiting += needs[name]
    try:
        order = list(TopologicalSorter(needs).static_order())
    except CycleError as error:
        raise AutointerpError(f"modules import each other in a circle: {error.args[1]}") from error
    return "\n".join(_wrapped(name, texts[name]) for name in order)


def _wrapped(name: str, text: str) -> str:
    exported = [found[1] for found in _EXPORT.finditer(text)]
    body = _EXPORT.sub("", _IMPORT.sub(_taken, text))
    if left := _LEFT.search(body) or _ENDS_THE_SCRIPT.search(body):
        raise AutointerpError(f"{name}: can't be put into one file: {left[0]!r}")
    return f"const {_variable(name)} = (() => {{\n{body}\nreturn {{{', '.join(exported)}}};\n}})();"


def _taken(found: re.Match[str]) -> str:
    names = re.sub(r"(\w+)\s+as\s+(\w+)", r"\1: \2", " ".join(found[1].split()))
    return f"const {{{names}}} = {_variable(found[2])};"


def _variable(name: str) -> str:
    return "module_" + re.sub(r"\W", "_", name.removesuffix(".js"))
