"""The one call: requests in, replies out, in the same order."""

from __future__ import annotations

import asyncio
import dataclasses
from collections import Counter
from collections.abc import Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from autointerp.llm._budget import Limits
from autointerp.llm._history import reply_of, unanswered
from autointerp.llm._job import Job
from autointerp.llm._journal import Journal
from autointerp.llm._prices import find_price
from autointerp.llm._provider import open_provider
from autointerp.llm._reply import Outcome, Reply
from autointerp.llm._request import Request, request_key
from autointerp.llm._run import Run
from autointerp.llm._signals import on_interrupt
from autointerp.llm._spec import ProviderSpec
from autointerp.run import Tick

NO_LIMITS = Limits()


def ask(
    requests: Sequence[Request],
    *,
    provider: ProviderSpec,
    journal: Path,
    limits: Limits = NO_LIMITS,
    progress: Tick | None = None,
    go_on: str = "the same command",
) -> list[Reply]:
    """Answer all requests, from the journal where it has the answer, else from the provider.

    Requests with the same key are sent once. A reply is in the journal before it is returned, and a reply that was
    paid for is never sent for again. Callable from a notebook too: then it works in a thread of its own.

    Args:
        requests: Any number.
        provider: From ``parse_provider``; a replay only reads the journal.
        journal: The SQLite file; made when missing.
        limits: Money, requests, concurrency, time. What does not fit comes back as ``skipped_budget``.
        progress: Told replies done of all, with a note: cost, tokens, requests in flight of how many may be, and how
            many replies of this endpoint did not fit their schema.
        go_on: The command that goes on with this, for messages.

    Returns:
        One reply a request, in order. Failures are replies too.

    Raises:
        ProviderFatalError: The key is missing or refused, or the account's quota is used up.
        IncompleteError: The server answers nobody. Whatever was answered is in the journal.
        InterruptedRunError: Ctrl-C or SIGTERM; likewise.
        UsageError: A reply model that can't be asked for, a cost bound without a price, a file that is no journal.
        AutointerpError: The journal can't be written.
    """
    if not requests:
        return []
    keys = [request_key(request, provider) for request in requests]
    unique = dict(zip(reversed(keys), reversed(requests), strict=True))
    board = _Board(Counter(keys), progress)
    with Journal(journal, read_only=provider.replay) as book:
        jobs = []
        for key in dict.fromkeys(keys):
            billed = book.billed(key)
            if billed and (billed[-1].is_final or provider.replay):
                board.add(reply_of(key, unique[key], billed, from_journal=True))
            elif provider.replay:
                board.add(unanswered(key, unique[key], [], Outcome.error, "not in the journal"))
            else:
                jobs.append(Job(key, unique[key], tuple(billed)))
        if jobs:
            _send(jobs, provider, book, limits, board, go_on=go_on)
    return [
        dataclasses.replace(board.replies[key], tag=request.tag) for key, request in zip(keys, requests, strict=True)
    ]


class _Board:
    """The replies so far, and what the listener hears of them."""

    def __init__(self, weights: Counter[str], progress: Tick | None) -> None:
        """Args: how many requests share each key, and the listener."""
        self.replies: dict[str, Reply] = {}
        self.run: Run | None = None
        self._weights, self._progress = weights, progress
        self._n_done, self._cost_usd, self._n_tokens = 0, 0.0, 0
        self._is_priced = True

    def add(self, reply: Reply) -> None:
        """Take a reply in."""
        self.replies[reply.key] = reply
        self._n_done += self._weights[reply.key]
        if not reply.from_journal:
            self._n_tokens += reply.usage.tokens_in + reply.usage.tokens_out
            self._cost_usd += reply.cost_usd or 0.0
            self._is_priced = self._is_priced and reply.cost_usd is not None
        self.tell()

    def tell(self, sentence: str = "") -> None:
        """Report where we are, with something to read."""
        if self._progress is None:
            return
        cost = f"${self._cost_usd:.4f}" if self._is_priced else "cost unknown"
        note = f"{cost}, {self._n_tokens} tokens" + (f", {self.run.state}" if self.run else "")
        self._progress(self._n_done, self._weights.total(), f"{note}; {sentence}" if sentence else note)


def _send(jobs: list[Job], spec: ProviderSpec, book: Journal, limits: Limits, board: _Board, *, go_on: str) -> None:
    price = find_price(spec)
    provider = open_provider(spec, timeout_s=limits.timeout_s)
    run = Run(provider, spec, book, limits=limits, price=price, go_on=go_on, on_reply=board.add, say=board.tell)
    board.run = run
    if spec.is_cleartext:
        board.tell(f"{spec.base_url}: the key and all text cross the network unencrypted")
    with on_interrupt(run.interrupt):
        _complete(run.finish(jobs))


def _complete(work: Coroutine[None, None, None]) -> None:
    """Run a coroutine to its end, also where an event loop is running already (a notebook)."""
    if not _is_in_event_loop():
        asyncio.run(work)
        return
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, work).result()


def _is_in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
