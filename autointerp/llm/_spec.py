"""Which model of which provider at which address: read from one line such as ``openai:MODEL``."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from autointerp.errors import UsageError

KINDS = {
    "openai": ("OPENAI_BASE_URL", "https://api.openai.com/v1"),
    "anthropic": ("ANTHROPIC_BASE_URL", "https://api.anthropic.com"),
}
"""Kind -> the variable that may hold its address, and its usual address."""
HANDOFF = "jsonl"
"""The kind whose answers come from a file that a person or any program has written."""
ANYONE = "anyone"
"""Who answers a hand-off, where nobody is named."""

Way = Literal["live", "batch", "handoff", "replay"]
PREFIXES: tuple[Way, ...] = ("batch", "replay")


@dataclass(frozen=True)
class ProviderSpec:
    """Where requests go. Holds no key."""

    kind: str
    """``openai`` (and every server that speaks its chat completions), ``anthropic`` or ``jsonl``."""
    model: str
    base_url: str
    """Without a trailing slash; part of every request's key."""
    way: Way = "live"
    """``live``: one request at a time. ``batch``: through the provider's batch service. ``handoff``: requests into a
    file, replies from a file. ``replay``: from the journal only. No part of the key: answers are shared."""

    def __str__(self) -> str:
        """The line it was read from."""
        return f"{self.way + ':' if self.way in PREFIXES else ''}{self.kind}:{self.model}"

    @property
    def replay(self) -> bool:
        """Whether only the journal answers, and the network is never touched."""
        return self.way == "replay"

    @property
    def is_loopback(self) -> bool:
        """Whether the server is on this computer."""
        host = urlsplit(self.base_url).hostname or ""
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return host == "localhost" or host.endswith(".localhost")

    @property
    def is_cleartext(self) -> bool:
        """Whether a key would cross a network unencrypted."""
        return self.base_url.startswith("http:") and not self.is_loopback


def parse_provider(spec: str, *, base_url: str | None = None) -> ProviderSpec:
    """Read a provider line.

    Args:
        spec: ``openai:MODEL`` or ``anthropic:MODEL``, either with ``batch:`` in front; ``jsonl`` or ``jsonl:NAME`` for
            a hand-off; any but a batch with ``replay:`` in front. A model's name may hold colons.
        base_url: Another server that speaks the provider's protocol. Default: the variable ``OPENAI_BASE_URL`` or
            ``ANTHROPIC_BASE_URL``, then the provider itself. A replay needs the address the journal was made with.

    Raises:
        UsageError: Unknown provider, no model, or an address that can't be used.
    """
    way, rest = _way(spec)
    kind, _, model = rest.partition(":")
    if kind == HANDOFF and way != "batch" and model.isprintable():
        if base_url:
            raise UsageError(f"--llm {spec}: replies come from a file, so --base-url has nothing to point at.")
        return ProviderSpec(kind, model.strip() or ANYONE, "", "replay" if way == "replay" else "handoff")
    if kind not in KINDS or not model.strip() or not model.isprintable():
        known = ", ".join(f"{name}:MODEL" for name in KINDS)
        raise UsageError(
            f"--llm {spec!r}: not a provider. Known: {known}, either with batch: or replay: in front, and jsonl."
        )
    variable, usual = KINDS[kind]
    address = base_url or os.environ.get(variable) or usual
    return ProviderSpec(kind, model.strip(), _checked_address(address), way)


def is_same_model(one: str, other: str) -> bool:
    """Whether two provider lines name the same model, whichever way it is asked."""
    return _way(one)[1] == _way(other)[1]


def _way(spec: str) -> tuple[Way, str]:
    for way in PREFIXES:
        if spec.startswith(f"{way}:"):
            return way, spec.removeprefix(f"{way}:")
    return "live", spec


def _checked_address(address: str) -> str:
    try:
        parts = urlsplit(address.strip())
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable:
        raise UsageError("base URL: not an address of a server. Give one like http://127.0.0.1:8080/v1.")
    if parts.username or parts.password or parts.query or parts.fragment:
        # an address is written to the journal and into messages, so nothing secret may be in it
        raise UsageError(
            f"base URL of {parts.hostname}: give it without user, password or query; keys go into the environment."
        )
    return address.strip().rstrip("/")
