"""The corpus ``python``: text that ships with the running CPython interpreter.

Four kinds of document, disjoint by construction, so that a text never meets itself in the other split:

``topic``        a topic of ``help()`` (``pydoc_data.topics``), language reference prose
``docstring``    a docstring of a standard library module, class or function written in Python
``c_docstring``  a docstring of a builtin or of an extension module
``source``       a standard library file, comments and code, with its docstrings taken out

Nothing is bundled: what is read depends on the interpreter, and its version is part of the corpus's name.
"""

from __future__ import annotations

import ast
import builtins
import importlib
import importlib.util
import inspect
import sys
import sysconfig
import types
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path

from autointerp.corpus._document import Document

# Tests are not installed everywhere, tables of code points are not text, and the
# topics module holds the topics a second time.
_SKIPPED_PARTS = {"test", "tests", "idle_test", "site-packages", "dist-packages", "encodings", "pydoc_data", "lib2to3"}
_MIN_CHARS = 40
_Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def stdlib_files() -> list[tuple[str, str]]:
    """Every standard library file of the running interpreter.

    Returns:
        ``(module path relative to the library, text)`` pairs in a fixed order; files that do not decode are left out.
    """
    root = Path(sysconfig.get_paths()["stdlib"])
    files = []
    for path in sorted(root.rglob("*.py")):
        relative = path.relative_to(root)
        if _SKIPPED_PARTS.intersection(relative.parts):
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue
        if len(text) >= _MIN_CHARS:
            files.append((relative.as_posix(), text))
    return files


def topics() -> Iterator[Document]:
    """The interpreter's documentation topics, as ``help('FORMATTING')`` would print them."""
    from pydoc_data.topics import topics as table

    for name in sorted(table):
        text = table[name].strip()
        if len(text) >= _MIN_CHARS:
            yield Document(text=text, source=f"topic:{name}", kind="topic")


def split_source(relative: str, text: str) -> tuple[list[Document], Document | None]:
    """Take a module's docstrings out of its source.

    Args:
        relative: The file's path inside the library, for the documents' names.
        text: The whole file.

    Returns:
        The docstrings long enough to be documents, and what is left of the file (None when too little is left).
        A file that the running interpreter can't parse yields nothing.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return [], None
    lines = text.splitlines(keepends=True)
    docstrings = []
    for node in _documented(tree):
        if not node.body:
            continue
        first = node.body[0]
        found = ast.get_docstring(node, clean=True)
        if found is None or first.end_lineno is None:
            continue
        for number in range(first.lineno - 1, first.end_lineno):
            lines[number] = ""
        if len(found) >= _MIN_CHARS:
            docstrings.append(Document(text=found, source=f"{relative}:{first.lineno}", kind="docstring"))
    rest = "".join(lines).strip()
    left = Document(text=rest, source=relative, kind="source") if len(rest) >= _MIN_CHARS else None
    return docstrings, left


def _documented(tree: ast.Module) -> Iterator[_Documented]:
    """Everything that can have a docstring, outer before inner, level by level; expressions are not looked into."""
    level: list[ast.AST] = [tree]
    while level:
        below: list[ast.AST] = []
        for node in level:
            if isinstance(node, _Documented):
                yield node
            for name in ("body", "orelse", "finalbody", "handlers", "cases"):
                found = getattr(node, name, None)
                if isinstance(found, list):
                    below += found
        level = below


def c_docstrings() -> Iterator[Document]:
    """Docstrings of builtins and extension modules, each text once."""
    seen: set[str] = set()
    for name in sorted(set(sys.builtin_module_names) | set(sys.stdlib_module_names)):
        module = _import_compiled(name)
        if module is None:
            continue
        for qualified, found in _walk_docs(module, name):
            text = inspect.cleandoc(found)
            if len(text) >= _MIN_CHARS and text not in seen:
                seen.add(text)
                yield Document(text=text, source=f"c:{qualified}", kind="c_docstring")


def python_documents(files: Iterable[tuple[str, str]] | None = None) -> Iterator[Document]:
    """Every document of the corpus, each text once, in the order of their digests: the kinds come mixed.

    Args:
        files: Source files to read instead of the interpreter's own (``stdlib_files()``).
    """
    split = [split_source(relative, text) for relative, text in (stdlib_files() if files is None else files)]
    groups: list[Iterable[Document]] = [
        topics(),
        (doc for docs, _ in split for doc in docs),
        c_docstrings(),
        (left for _, left in split if left is not None),
    ]
    unique = {document.digest: document for group in groups for document in group}
    for digest in sorted(unique):
        yield unique[digest]


def _import_compiled(name: str) -> types.ModuleType | None:
    """The module when it is written in C and imports without side effects, else None."""
    if name == "builtins":
        return builtins
    # Importing these opens windows, prints, or changes the terminal.
    if name in {"antigravity", "this", "idlelib", "turtle", "turtledemo", "_tkinter", "readline"}:
        return None
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None
    if spec is None or not (spec.origin in {"built-in", "frozen"} or str(spec.origin).endswith((".so", ".pyd"))):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return importlib.import_module(name)
    except ImportError:
        return None


def _walk_docs(owner: types.ModuleType | type, prefix: str) -> Iterator[tuple[str, str]]:
    """``(qualified name, docstring)`` of the owner, its C functions and its types' methods."""
    found = getattr(owner, "__doc__", None)
    if isinstance(found, str):
        yield prefix, found
    for name, member in sorted(vars(owner).items()):
        qualified = f"{prefix}.{name}"
        if isinstance(member, type) and isinstance(owner, types.ModuleType):
            if not member.__flags__ & (1 << 9):  # a static type, so written in C
                yield from _walk_docs(member, qualified)
        elif isinstance(
            member,
            types.BuiltinFunctionType
            | types.MethodDescriptorType
            | types.GetSetDescriptorType
            | types.WrapperDescriptorType
            | types.MemberDescriptorType
            | types.ClassMethodDescriptorType,
        ):
            text = getattr(member, "__doc__", None)
            if isinstance(text, str):
                yield qualified, text
