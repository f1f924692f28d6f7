"""Money and requests: the worst case is set aside before sending, the truth is booked after."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import lru_cache

from pydantic import BaseModel

from autointerp.errors import UsageError
from autointerp.llm._prices import VARIABLE, Price
from autointerp.llm._request import Request, canonical_json
from autointerp.llm._schema import wire_schema


@dataclass(frozen=True)
class Limits:
    """Bounds on one ``ask()``; cost and requests count over the whole journal, so that resuming can't double them."""

    max_cost_usd: float | None = None
    """None: no bound. Needs a known price."""
    max_requests: int | None = None
    """Requests that may have been billed; those a server refused do not count."""
    max_concurrency: int | None = None
    """Requests in flight at most. None: few at first, and as many as the account turns out to take."""
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    """Input and output together."""
    timeout_s: float = 120.0
    """Longest time for one attempt, start to end."""
    max_attempts: int = 6
    """Sends of one request while the errors are of the kind that passes."""

    def __post_init__(self) -> None:
        positive: dict[str, float | None] = {
            "max_concurrency": self.max_concurrency,
            "requests_per_minute": self.requests_per_minute,
            "tokens_per_minute": self.tokens_per_minute,
            "timeout_s": self.timeout_s,
            "max_attempts": self.max_attempts,
        }
        for name, value in positive.items():
            if value is not None and not value > 0:
                raise UsageError(f"{name} is {value}: it must be above 0.")
        for name, bound in {"max_cost_usd": self.max_cost_usd, "max_requests": self.max_requests}.items():
            if bound is not None and not bound >= 0:
                raise UsageError(f"{name} is {bound}: it must be at least 0.")


def input_bytes(request: Request) -> int:
    """UTF-8 bytes of a request's messages and schema: what its tokens are guessed from."""
    return sum(len(message.content.encode()) for message in request.messages) + _schema_bytes(request.reply_model)


def expected_tokens(request: Request) -> float:
    """A guess at the tokens of one send, as rate limits count them: a token for 4 bytes in, and all tokens out."""
    return input_bytes(request) / 4 + request.max_output_tokens


@lru_cache(maxsize=64)
def _schema_bytes(model: type[BaseModel]) -> int:
    return len(canonical_json(wire_schema(model, "openai")))


class Budget:
    """The ledger of one ``ask()``."""

    def __init__(self, limits: Limits, price: Price | None, *, spent_usd: float, n_spent: int) -> None:
        """Open it.

        Args:
            limits: The bounds.
            price: Of the model; None is unknown.
            spent_usd: What the journal counts already.
            n_spent: The requests it counts already.

        Raises:
            UsageError: A cost bound without a price.
        """
        if limits.max_cost_usd is not None and price is None:
            raise UsageError(
                "--max-cost needs the model's price, which is unknown. Give a file with it to --prices or in the "
                f"environment variable {VARIABLE} (autointerp/llm/prices.toml shows the format), or bound "
                "--max-requests instead."
            )
        self._limits, self._price = limits, price
        self._spent_usd, self._n_spent = spent_usd, n_spent
        self._held_usd, self._n_held = 0.0, 0
        self._changed = asyncio.Condition()

    def worst_case(self, request: Request, *, is_batch: bool = False) -> float | None:
        """Most that one send of a request, or its place in a batch, can cost.

        Args:
            request: Counts as a token for 3 bytes in, and all tokens out.
            is_batch: Batches may have a lower price.

        Returns:
            USD; None where the price is unknown.
        """
        if self._price is None:
            return None
        return self._price.worst_cost(input_bytes(request) / 3, request.max_output_tokens, is_batch=is_batch)

    def refusal(self, worst_usd: float | None) -> str:
        """Why a request can't be sent, whatever those on their way turn out to cost; "" where it may."""
        return self._refusal(worst_usd or 0.0, held_usd=0.0, n_held=0)

    async def reserve(self, worst_usd: float | None, *, wait: bool = True) -> str:
        """Set the worst case aside; waits while requests on their way may leave room.

        Args:
            worst_usd: How much.
            wait: False for a batch, whose requests go out together: none of them makes room for another.

        Returns:
            "" when it is set aside, else why it can't be.
        """
        amount = worst_usd or 0.0
        async with self._changed:
            while reason := self._refusal(amount, held_usd=self._held_usd, n_held=self._n_held):
                if self._n_held == 0 or not wait:
                    return reason
                await self._changed.wait()
            self._held_usd += amount
            self._n_held += 1
        return ""

    async def settle(self, worst_usd: float | None, cost_usd: float | None, *, is_free: bool) -> None:
        """Book a request that was reserved.

        Args:
            worst_usd: What was set aside.
            cost_usd: What it cost; None (unknown) counts as the worst case.
            is_free: The server refused it: it does not count at all.
        """
        async with self._changed:
            self._n_held -= 1
            self._held_usd = self._held_usd - (worst_usd or 0.0) if self._n_held else 0.0
            if not is_free:
                self._n_spent += 1
                self._spent_usd += (worst_usd or 0.0) if cost_usd is None else cost_usd
            self._changed.notify_all()

    def _refusal(self, amount: float, *, held_usd: float, n_held: int) -> str:
        most, count = self._limits.max_cost_usd, self._limits.max_requests
        if most is not None and self._spent_usd + held_usd + amount > most:
            return f"the next request may cost ${amount:.6g}, and ${self._spent_usd:.6g} of ${most:.6g} are spent"
        if count is not None and self._n_spent + n_held + 1 > count:
            return f"{self._n_spent} of {count} requests are made"
        return ""
