"""What a corpus is, and the one class behind all of them: documents, cleaned and counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol

from autointerp.corpus._document import Document
from autointerp.errors import UsageError


class Corpus(Protocol):
    """Documents to read once, in a fixed order."""

    @property
    def name(self) -> str:
        """What the user asked for, with a version where the text depends on one."""

    @property
    def notes(self) -> list[str]:
        """What was skipped or repaired in the documents read so far, as sentences for people."""

    def documents(self) -> Iterator[Document]:
        """The documents, from the first one on; each call reads anew."""


@dataclass
class Tally:
    """Counts of what was not taken as it stood."""

    empty: int = 0
    """Documents of white space alone, skipped."""
    repeated: int = 0
    """Documents equal to an earlier one, skipped."""
    broken: int = 0
    """Documents with bytes or characters that are not Unicode, kept with U+FFFD in their place."""

    def sentences(self) -> list[str]:
        """The counts that are not zero, for people."""
        notes = [
            (self.empty, "empty, and skipped"),
            (self.repeated, "a repetition of an earlier one, and skipped"),
            (self.broken, "not wholly valid Unicode; what was not was replaced by U+FFFD"),
        ]
        return [f"{count:,} {_documents(count)} {what}." for count, what in notes if count]


class ReadableCorpus:
    """A corpus made of a name and a function that reads."""

    def __init__(self, name: str, read: Callable[[Tally], Iterator[Document]]) -> None:
        """Take how to read.

        Args:
            name: The corpus's name.
            read: Yields raw documents, empty ones too, and counts in the tally what it had to repair.
        """
        self.name = name
        self._read = read
        self._tally = Tally()

    @property
    def notes(self) -> list[str]:
        """What was skipped or repaired in the documents read so far, as sentences for people."""
        return self._tally.sentences()

    def documents(self) -> Iterator[Document]:
        """The documents that hold text, each text once.

        Raises:
            UsageError: The source can't be read, or holds no text at all.
        """
        tally = self._tally = Tally()
        seen: set[str] = set()
        for raw in self._read(tally):
            if not raw.text.strip():
                tally.empty += 1
                continue
            document = _without_surrogates(raw, tally)
            if document.digest in seen:
                tally.repeated += 1
                continue
            seen.add(document.digest)
            yield document
        if not seen:
            raise UsageError(f"{self.name}: no document holds any text. Give a corpus with text in it.")


def _without_surrogates(document: Document, tally: Tally) -> Document:
    """JSON can hold halves of characters, which no tokenizer takes."""
    try:
        document.text.encode("utf-8")
    except UnicodeEncodeError:
        tally.broken += 1
        return replace(document, text=document.text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
    return document


def _documents(count: int) -> str:
    return "document was" if count == 1 else "documents were"
