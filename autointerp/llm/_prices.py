"""What tokens cost: from a file, never from memory. An unknown price stays unknown."""

from __future__ import annotations

import os
import tomllib
from datetime import date
from importlib import resources
from pathlib import Path

from pydantic import BaseModel, ConfigDict, NonNegativeFloat, ValidationError

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

    def cost(self, usage: Usage) -> float | None:
        """USD of one reply; None when it wrote to a cache without a price for that."""
        if usage.tokens_cache_written and self.input_cache_write is None:
            return None
        plain = usage.tokens_in - usage.tokens_cached - usage.tokens_cache_written
        read = self.input if self.input_cache_read is None else self.input_cache_read
        total = plain * self.input + usage.tokens_cached * read + usage.tokens_out * self.output
        return (total + usage.tokens_cache_written * (self.input_cache_write or 0.0)) / 1e6

    def worst_cost(self, tokens_in: float, tokens_out: float) -> float:
        """USD if every input token is charged at the dearest input price."""
        return (tokens_in * max(self.input, self.input_cache_write or 0.0) + tokens_out * self.output) / 1e6


def find_price(spec: ProviderSpec) -> Price | None:
    """The price of a model: from the file named in ``AUTOINTERP_PRICES``, then from the one shipped.

    Raises:
        UsageError: The user's file is missing or broken.
    """
    name = f"{spec.kind}:{spec.model}"
    own = os.environ.get(VARIABLE)
    if own:
        try:
            found = _read(Path(own).read_text(encoding="utf-8")).get(name)
        except (OSError, ValueError) as error:
            raise UsageError(f"{VARIABLE}={own}: can't be used: {_short(error)}") from error
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
