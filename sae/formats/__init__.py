"""Reading and writing SAEs on disk."""

from __future__ import annotations

from sae.formats._format import Format
from sae.formats._registry import FORMATS, detect, load
from sae.formats._saelens import save

__all__ = ["FORMATS", "Format", "detect", "load", "save"]
