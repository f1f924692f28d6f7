"""What tokens cost: from a file, never from memory. An unknown price stays unknown."""

from __future__ import annotations

import os
import tomllib
from datetime import date
from importlib import resources
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, ValidationError

from autointerp.errors import UsageError
from autointerp.llm._reply import Usage
from autointerp.llm._spec import ProviderSpec

VARIABLE = "AUTOINTERP_PRICES"


class Price(BaseModel):
    """USD per million tokens of one model."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    as_of: date
    """When somebody looked it up."""
    input: NonNegativeFloat
    output: NonNegativeFloat
    input_cache_read: NonNegativeFloat | None = None
    """Without it, tokens from the cache cost as much as others (never too little)."""
    input_cache_write: NonNegativeFloat | None = None
    """Without it, the cost of a reply that wrote to the cache is unknown."""
    output_reasoning: NonNegativeFloat | None = None
    """Without it, reasoning tokens cost as much as other output."""
    batch: Annotated[float, Field(ge=0, le=1)] | None = None
    """Share of all these prices that a batch costs, e.g. 0.5. Without it, the whole (never too little)."""

    def cost(self, usage: Usage, *, is_batch: bool = False) -> float | None:
        """USD of one reply; None when it wrote to a cache without a price for that.

        Args:
            usage: Its tokens.
            is_batch: It came from the provider's batch service.
        """
        if usage.tokens_cache_written and self.input_cache_write is None:
            return None
        plain_in = usage.tokens_in - usage.tokens_cached - usage.tokens_cache_written
        plain_out = usage.tokens_out - usage.tokens_reasoning
        read = self.input if self.input_cache_read is None else self.input_cache_read
        reasoning = self.output if self.output_reasoning is None else self.output_reasoning
        dollars = (
            plain_in * self.input
            + usage.tokens_cached * read
            + usage.tokens_cache_written * (self.input_cache_write or 0.0)
            + plain_out * self.output
            + usage.tokens_reasoning * reasoning
        )
        return dollars * self._share(is_batch) / 1e6

    def worst_cost(self, tokens_in: float, tokens_out: float, *, is_batch: bool = False) -> float:
        """USD if every token is charged at the dearest price of its side.

        Args:
            tokens_in: Input tokens, at most.
            tokens_out: Output tokens, at most.
            is_batch: They go through the provider's batch service.
        """
        dearest_in = max(self.input, self.input_cache_read or 0.0, self.input_cache_write or 0.0)
        dearest_out = max(self.output, self.output_reasoning or 0.0)
        return (tokens_in * dearest_in + tokens_out * dearest_out) * self._share(is_batch) / 1e6

    def _share(self, is_batch: bool) -> float:
        return self.batch if is_batch and self.batch is not None else 1.0


def find_price(spec: ProviderSpec, file: Path | None = None) -> Price | None:
    """The price of a model, as given to ``--llm``.

    Args:
        spec: Its kind and model are looked up.
        file: A price table of the user's own (default: the one named in ``AUTOINTERP_PRICES``); what it does not have
            is looked up in the one shipped.

    Raises:
        UsageError: The user's file is missing or broken.
    """
    name = f"{spec.kind}:{spec.model}"
    named = os.environ.get(VARIABLE)
    own = file or (Path(named) if named else None)
    if own is not None:
        try:
            found = _read(own.read_text(encoding="utf-8")).get(name)
        except (OSError, ValueError) as error:
            what = "--prices" if file else VARIABLE
            raise UsageError(f"{what} {own}: can't be used: {_short(error)}") from error
        if found:
            return found
    shipped = resources.files("autointerp.llm").joinpath("prices.toml").read_text(encoding="utf-8")
    return _read(shipped).get(name)


def _read(text: str) -> dict[str, Price]:
    return {name: Price.model_validate(entry) for name, entry in tomllib.loads(text).items()}


def _short(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return str(error)
