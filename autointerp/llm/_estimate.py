"""What an ``ask()`` would cost, before anything is sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from autointerp.llm._budget import input_bytes
from autointerp.llm._cache import Cache
from autointerp.llm._journal import Journal
from autointerp.llm._prices import find_price
from autointerp.llm._request import Request, request_key
from autointerp.llm._spec import ProviderSpec

BYTES_PER_TOKEN = (5.0, 4.0, 3.0)
OUTPUT_SHARE = (0.1, 0.5, 1.0)
"""Low, expected, high: how much of the allowed output a reply uses."""


@dataclass(frozen=True)
class Estimate:
    """Guesses; ``high`` is what a budget sets aside. Re-asks and retries come on top."""

    n_requests: int = 0
    """All that were given."""
    n_from_journal: int = 0
    """Those of them that the journal answers."""
    n_from_cache: int = 0
    """Those that the journal does not, and the shared cache does."""
    n_to_send: int = 0
    """What is left, the same key once; nothing in a replay. Tokens and dollars are of these."""
    tokens_in_low: int = 0
    tokens_in_expected: int = 0
    tokens_in_high: int = 0
    tokens_out_low: int = 0
    tokens_out_expected: int = 0
    tokens_out_high: int = 0
    cost_usd_low: float | None = 0.0
    """None: the model's price is unknown."""
    cost_usd_expected: float | None = 0.0
    cost_usd_high: float | None = 0.0

    def __add__(self, other: Estimate) -> Estimate:
        """Both together."""
        pairs = {one.name: (getattr(self, one.name), getattr(other, one.name)) for one in fields(self)}
        sums: dict[str, Any] = {name: None if None in pair else sum(pair) for name, pair in pairs.items()}
        return Estimate(**sums)


def estimate(
    requests: Sequence[Request],
    provider: ProviderSpec,
    *,
    journal: Path | None = None,
    cache: Path | None = None,
    prices: Path | None = None,
) -> Estimate:
    """Tokens and dollars of what is still to be sent. Needs no key and no network.

    Args:
        requests: Any number; the same key counts once.
        provider: Who would be asked; a replay sends nothing.
        journal: Answers that need not be bought again; may be missing.
        cache: More of them, shared with other runs; may be missing.
        prices: A price table of the user's own (default: see ``find_price``).

    Raises:
        UsageError: The price file, the journal or the cache can't be used.
    """
    keys = [request_key(request, provider) for request in requests]
    unique = dict(zip(keys, requests, strict=True))
    journalled, awaited = _in_journal(unique, journal)
    open_ = {} if provider.replay else {key: unique[key] for key in unique if key not in journalled}
    cached = _in_cache({key: request for key, request in open_.items() if key not in awaited}, cache)
    sent = {key: request for key, request in open_.items() if key not in cached}
    n_bytes = sum(input_bytes(request) for request in sent.values())
    n_allowed = sum(request.max_output_tokens for request in sent.values())
    tokens_in = [n_bytes / size for size in BYTES_PER_TOKEN]
    tokens_out = [n_allowed * share for share in OUTPUT_SHARE]
    price = find_price(provider, prices)
    is_batch = provider.way == "batch"
    costs = [
        price.worst_cost(n_in, n_out, is_batch=is_batch) if price else None
        for n_in, n_out in zip(tokens_in, tokens_out, strict=True)
    ]
    counts = len(keys), sum(key in journalled for key in keys), sum(key in cached for key in keys), len(sent)
    return Estimate(*counts, *map(round, tokens_in), *map(round, tokens_out), *costs)


def _in_journal(keys: Iterable[str], journal: Path | None) -> tuple[set[str], set[str]]:
    """The keys it answers, and those that the user wants asked again."""
    answered, awaited = set[str](), set[str]()
    if journal is not None and journal.exists():
        with Journal(journal, read_only=True) as book:
            for key in keys:
                history = book.history(key)
                answered |= {key} if history.is_final else set()
                awaited |= {key} if history.is_awaited else set()
    return answered, awaited


def _in_cache(requests: Mapping[str, Request], cache: Path | None) -> set[str]:
    if cache is None:
        return set()
    shared = Cache(cache, say=lambda _: None)
    return {key for key, request in requests.items() if shared.find(key, request)}
