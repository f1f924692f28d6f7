"""An API key that does not show itself."""

from __future__ import annotations

import os

from autointerp.errors import ProviderFatalError

_SHORTEST = 8  # a shorter "key" is a placeholder for a local server, and may be a common word


class Secret:
    """A key for a provider; only ``reveal()`` gives it away."""

    def __init__(self, value: str) -> None:
        """Args: the key."""
        self._value = value

    def __repr__(self) -> str:
        """A mask."""
        return "Secret('***')"

    def reveal(self) -> str:
        """The key itself, for the SDK."""
        return self._value

    def redact(self, text: str) -> str:
        """The text with every copy of the key masked."""
        return text.replace(self._value, "***") if len(self._value) >= _SHORTEST else text


def key_from_environment(variable: str, *, what: str, optional: bool) -> Secret:
    """Read a key.

    Args:
        variable: The environment variable it is in.
        what: Who asks, for the message.
        optional: Whether a missing key is fine (a server on this computer); the word ``none`` is sent then.

    Raises:
        ProviderFatalError: There is no key, and there must be one; or it holds what no header can carry.
    """
    value = os.environ.get(variable, "").strip()
    if not (value.isascii() and value.isprintable()):
        raise ProviderFatalError(
            f"{variable} holds a character that no key has, perhaps an invisible one. Set it again."
        )
    if value:
        return Secret(value)
    if optional:
        return Secret("none")
    raise ProviderFatalError(
        f"{what} needs a key: set the environment variable {variable}. (A server that needs none: set it to any word.)"
    )
