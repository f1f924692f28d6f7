"""The one call: requests in, replies out, in the same order."""

from __future__ import annotations

import asyncio
import dataclasses
from collections import Counter
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from autointerp.errors import UsageError
from autointerp.llm._budget import Limits
from autointerp.llm._cache import Cache
from autointerp.llm._handoff import Handoff, hand_off
from autointerp.llm._history import History, Paid, reply_of, unanswered, with_earlier
from autointerp.llm._job import Job
from autointerp.llm._journal import Journal
from autointerp.llm._prices import Price, find_price
from autointerp.llm._provider import open_provider
from autointerp.llm._reply import Outcome, Reply
from autointerp.llm._request import Request, request_key
from autointerp.llm._run import Run
from autointerp.llm._signals import on_interrupt
from autointerp.llm._spec import ProviderSpec
from autointerp.llm.batch import BatchBook, BatchRun, open_service
from autointerp.run import Tick

NO_LIMITS = Limits()
NO_FILES = Handoff()


def ask(
    requests: Sequence[Request],
    *,
    provider: ProviderSpec,
    journal: Path,
    limits: Limits = NO_LIMITS,
    cache: Path | None = None,
    prices: Path | None = None,
    leave: Collection[str] = (),
    progress: Tick | None = None,
    handoff: Handoff = NO_FILES,
    forget_batches: bool = False,
    go_on: str = "the same command",
) -> list[Reply]:
    """Answer all requests: from the journal where it has the answer, else from the cache, else from the provider.

    Requests with the same key are sent once. A reply is in the journal before it is returned, and a reply that was
    paid for is never sent for again. Callable from a notebook too: then it works in a thread of its own.

    Args:
        requests: Any number.
        provider: From ``parse_provider``; a replay only reads the journal.
        journal: The SQLite file; made when missing.
        limits: Money, requests, concurrency, time. What does not fit comes back as ``skipped_budget``.
        cache: A folder of answers that runs share, looked up once at the start and filled as replies come; made when
            missing. A replay leaves it alone.
        prices: A price table of the user's own (default: see ``find_price``).
        leave: Keys of requests that are not sent: what the journal has of them stands, as in a replay.
        progress: Told replies done of all, with a note: cost, tokens, requests in flight of how many may be, and how
            many replies of this endpoint did not fit their schema.
        handoff: The files of a hand-off.
        forget_batches: Send requests although a batch that was begun earlier may still answer, and charge for, them.
        go_on: The command that goes on with this, for messages.

    Returns:
        One reply a request, in order. Failures are replies too.

    Raises:
        ProviderFatalError: The key is missing or refused, or the account's quota is used up.
        InterruptedRunError: Ctrl-C or SIGTERM. Whatever was answered is in the journal.
        IncompleteError: The server answers nobody, a batch service does not answer, or a hand-off's replies are
            awaited; likewise.
        UsageError: A reply model that can't be asked for, a cost bound without a price, a file that is no journal,
            price table or cache.
        AutointerpError: The journal can't be written.
    """
    if not requests:
        return []
    keys = [request_key(request, provider) for request in requests]
    unique = dict(zip(reversed(keys), reversed(requests), strict=True))
    board = _Board(Counter(keys), progress)
    shared = Cache(cache, say=board.tell) if cache is not None and not provider.replay else None
    with Journal(journal, read_only=provider.replay) as book:
        if shared is not None:
            _take(shared, {key: request for key, request in unique.items() if key not in leave}, book)
            board.share = lambda reply: _give(shared, reply, book)
        jobs = []
        for key in dict.fromkeys(keys):
            history, is_left = book.history(key), provider.replay or key in leave
            board.expect(key, history)
            if history.is_final or (history.billed and is_left):
                board.add(reply_of(key, unique[key], history.billed, from_journal=True))
            elif is_left:
                reason = history.attempts[-1].reason if history.attempts else "not in the journal"
                board.add(unanswered(key, unique[key], [], Outcome.error, reason))
            else:
                jobs.append(Job(key, unique[key], history.billed))
        if provider.way == "handoff":
            hand_off(
                jobs,
                provider,
                book,
                files=handoff,
                known=frozenset(keys),
                go_on=go_on,
                on_reply=board.add,
                say=board.tell,
            )
        elif jobs:
            _check_batches(jobs, provider, BatchBook(book), forget=forget_batches)
            price = find_price(provider, prices)
            _send(jobs, provider, book, limits=limits, price=price, board=board, go_on=go_on)
    return [
        dataclasses.replace(board.replies[key], tag=request.tag) for key, request in zip(keys, requests, strict=True)
    ]


def _take(shared: Cache, requests: Mapping[str, Request], book: Journal) -> None:
    """Copy answers from the cache to the journal, for all requests that it never had an answer to."""
    for key, request in requests.items():
        history = book.history(key)
        if not history.is_final and not history.is_awaited:
            book.record_many([attempt.for_another_run() for attempt in shared.find(key, request)])


def _give(shared: Cache, reply: Reply, book: Journal) -> None:
    """Copy an answer from the journal to the cache, when it is new or the cache has none."""
    if reply.outcome.is_billed and not (reply.from_journal and reply.key in shared):
        shared.keep(reply.key, book.billed(reply.key))


class _Board:
    """The replies so far, and what the listener hears of them."""

    def __init__(self, weights: Counter[str], progress: Tick | None) -> None:
        """Args: how many requests share each key, and the listener."""
        self.replies: dict[str, Reply] = {}
        self.run: Run | BatchRun | None = None
        self.share: Callable[[Reply], None] = lambda _: None
        self._weights, self._progress = weights, progress
        self._paid: dict[str, tuple[Paid, Paid]] = {}
        self._n_done, self._cost_usd, self._n_tokens = 0, 0.0, 0
        self._is_priced = True

    def expect(self, key: str, history: History) -> None:
        """Note what was paid for a reply before this call."""
        self._paid[key] = Paid.of(history.billed), Paid.of(history.superseded)

    def add(self, reply: Reply) -> None:
        """Take a reply in."""
        known, superseded = self._paid.pop(reply.key)
        self.replies[reply.key] = with_earlier(reply, superseded)
        self._n_done += self._weights[reply.key]
        if not reply.from_journal:
            self._n_tokens += reply.usage.n_tokens - known.usage.n_tokens
            self._cost_usd += (reply.cost_usd or 0.0) - (known.cost_usd or 0.0)
            self._is_priced = self._is_priced and reply.cost_usd is not None
        self.share(reply)
        self.tell()

    def tell(self, sentence: str = "") -> None:
        """Report where we are, with something to read."""
        if self._progress is None:
            return
        cost = f"${self._cost_usd:.4f}" if self._is_priced else "cost unknown"
        note = f"{cost}, {self._n_tokens} tokens" + (f", {self.run.state}" if self.run else "")
        self._progress(self._n_done, self._weights.total(), f"{note}\n{sentence}" if sentence else note)


def _check_batches(jobs: list[Job], spec: ProviderSpec, book: BatchBook, *, forget: bool) -> None:
    """See to it that nothing is paid for twice: once in a batch of an earlier run, and once more now."""
    batches = book.holding(jobs)
    if forget:
        for batch in batches:
            book.give_up(batch)
    elif batches and spec.way != "batch":
        n = sum(any(batch.holds(job) for batch in batches) for job in jobs)
        raise UsageError(
            f"{n} of the requests are in a batch that was not collected yet. Collect it with --llm batch:{spec}, "
            "or add --forget-batches to ask, and perhaps pay, for them again."
        )


def _send(
    jobs: list[Job],
    spec: ProviderSpec,
    book: Journal,
    *,
    limits: Limits,
    price: Price | None,
    board: _Board,
    go_on: str,
) -> None:
    run: Run | BatchRun
    if spec.way == "batch":
        service = open_service(spec, timeout_s=limits.timeout_s)
        run = BatchRun(service, spec, book, limits=limits, price=price, go_on=go_on, on_reply=board.add, say=board.tell)
    else:
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
