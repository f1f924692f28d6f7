"""The keywords about asking a provider: the same for every verb that asks."""

from __future__ import annotations

from pathlib import Path
from typing import TypedDict, Unpack

from autointerp.llm import Asking, Handoff, Limits


class SpendingOptions(TypedDict, total=False):
    """What a verb may spend, and what it need not buy.

    Keys:
        max_cost_usd: Stop sending before this is spent, over everything in the run's journal.
        max_requests: Stop sending after so many requests, counted in the same way.
        max_connections: Requests in flight at most (default: as many as the account turns out to take).
        cache: A folder of answers that runs share; what is in it is not sent again.
        prices: A price table, see ``autointerp/llm/prices.toml`` (default: the one ``AUTOINTERP_PRICES`` names).
    """

    max_cost_usd: float | None
    max_requests: int | None
    max_connections: int | None
    cache: str | Path | None
    prices: str | Path | None


class DeliveryOptions(SpendingOptions, total=False):
    """The same, and how questions leave and replies come where nobody is asked live.

    Keys:
        requests_out: For ``jsonl``: a file to write the requests to that have no valid reply yet.
        replies_in: For ``jsonl``: a file of replies to take in first.
        forget_batches: Ask again what a batch begun earlier may still answer, and charge for.
    """

    requests_out: str | Path | None
    replies_in: str | Path | None
    forget_batches: bool


class AskingOptions(DeliveryOptions, total=False):
    """All about asking but who answers: the keys of ``SpendingOptions`` and ``DeliveryOptions``, and these.

    Keys:
        base_url: Another server for the provider.
        requests_per_minute: At most so many.
        tokens_per_minute: At most so many, input and output together.
    """

    base_url: str | None
    requests_per_minute: float | None
    tokens_per_minute: float | None


def make_asking(*command: str, **options: Unpack[AskingOptions]) -> Asking:
    """The options as the floor below takes them.

    Args:
        command: What goes on with this, word by word, for messages; nothing: "the same command".
        **options: As the caller gave them; what is missing or None has its default.
    """
    cache, prices = options.get("cache"), options.get("prices")
    limits = Limits(
        max_cost_usd=options.get("max_cost_usd"),
        max_requests=options.get("max_requests"),
        max_concurrency=options.get("max_connections"),
        requests_per_minute=options.get("requests_per_minute"),
        tokens_per_minute=options.get("tokens_per_minute"),
    )
    return Asking(
        base_url=options.get("base_url"),
        limits=limits,
        cache=None if cache is None else Path(cache),
        prices=None if prices is None else Path(prices),
        handoff=Handoff.of(options.get("requests_out"), options.get("replies_in")),
        forget_batches=options.get("forget_batches", False),
        command=command,
    )
