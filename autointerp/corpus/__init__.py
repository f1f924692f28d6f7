"""Text to windows: corpora of documents, and the windows cut from them."""

from autointerp.corpus._build import build_windows
from autointerp.corpus._corpus import Corpus, ReadableCorpus
from autointerp.corpus._document import Document
from autointerp.corpus._open import open_corpus
from autointerp.corpus._windows import SPLITS, Windows, WindowsMeta

__all__ = [
    "SPLITS",
    "Corpus",
    "Document",
    "ReadableCorpus",
    "Windows",
    "WindowsMeta",
    "build_windows",
    "open_corpus",
]
