"""What the process has learnt about an account: how much it takes, and what its endpoint can do."""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from dataclasses import dataclass, field

from autointerp.llm._ladder import Ladder
from autointerp.llm._pace import Pace
from autointerp.llm._secret import Secret
from autointerp.llm._spec import ProviderSpec


@dataclass
class Account:
    """One key at one endpoint. Labels and scores of one process share it, whatever models they ask."""

    pace: Pace = field(default_factory=Pace)
    paused_until_s: float = -math.inf
    """Nothing is sent before; monotonic clock."""
    ladders: dict[str, Ladder] = field(default_factory=dict)
    """By model."""
    quirks: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """By model: the provider's notes on how its server wants things said."""


_accounts: dict[tuple[str, str, str], Account] = {}


def account_of(spec: ProviderSpec, secret: Secret) -> Account:
    """The account behind a provider; the same one each time.

    Args:
        spec: Its kind and endpoint count, the model does not: models share an account's limits.
        secret: Its key; only a hash of it is kept.
    """
    digest = hashlib.sha256(secret.reveal().encode()).hexdigest()
    return _accounts.setdefault((spec.kind, spec.base_url, digest), Account())
