"""What an ``ask()`` would cost, before anything is sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from autointerp.llm._budget import input_bytes
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

    n_requests: int
    """All that were given."""
    n_from_journal: int
    """Those of them that are answered already."""
    tokens_in_low: int
    tokens_in_expected: int
    tokens_in_high: int
    tokens_out_low: int
    tokens_out_expected: int
    tokens_out_high: int
    cost_usd_low: float | None
    """None: the model's price is unknown."""
    cost_usd_expected: float | None
    cost_usd_high: float | None


def estimate(requests: Sequence[Request], provider: ProviderSpec, *, journal: Path | None = None) -> Estimate:
    """Tokens and dollars of what is still to be sent. Needs no key and no network.

    Args:
        requests: Any number; the same key counts once.
        provider: Who would be asked; a replay sends nothing.
        journal: Answers that need not be bought again; may be missing.

    Raises:
        UsageError: The price file or the journal can't be used.
    """
    keys = [request_key(request, provider) for request in requests]
    answered = _answered(set(keys), journal)
    to_send = (
        {} if provider.replay else {key: one for key, one in zip(keys, requests, strict=True) if key not in answered}
    )
    n_bytes = sum(input_bytes(request) for request in to_send.values())
    n_allowed = sum(request.max_output_tokens for request in to_send.values())
    tokens_in = [n_bytes / size for size in BYTES_PER_TOKEN]
    tokens_out = [n_allowed * share for share in OUTPUT_SHARE]
    price = find_price(provider)
    costs = [
        price.worst_cost(n_in, n_out) if price else None for n_in, n_out in zip(tokens_in, tokens_out, strict=True)
    ]
    n_from_journal = sum(key in answered for key in keys)
    return Estimate(len(requests), n_from_journal, *map(round, tokens_in), *map(round, tokens_out), *costs)


def _answered(keys: set[str], journal: Path | None) -> set[str]:
    if journal is None or not journal.exists():
        return set()
    with Journal(journal, read_only=True) as book:
        return {key for key in keys if (billed := book.billed(key)) and billed[-1].is_final}
