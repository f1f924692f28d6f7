"""The one error of the SAE core."""

from __future__ import annotations


class SAEError(ValueError):
    """A value, a file or a tensor that an SAE can't work with; the message names what was expected and found."""
