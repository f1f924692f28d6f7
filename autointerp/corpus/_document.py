"""What a corpus yields: documents, each a text with the name of where it came from."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Document:
    """One text; windows are cut inside it and never across its ends."""

    text: str
    """The document's text, decoded and never empty."""

    source: str
    """Where a reader finds it again: a file and line, a module, a documentation topic."""

    kind: str = "text"
    """What sort of text it is (``text``, ``topic``, ``docstring``, ``c_docstring``, ``source``)."""

    @cached_property
    def digest(self) -> str:
        """Hex SHA-256 of the text: the document's identity in splits and journals."""
        return hashlib.sha256(self.text.encode("utf-8", "surrogatepass")).hexdigest()
