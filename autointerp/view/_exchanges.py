"""What was sent about a feature and what came back, from the journal."""

from __future__ import annotations

import json
from typing import Any

from autointerp.llm import Attempt, Journal
from autointerp.view._opened import Opened


def exchanges(opened: Opened, feature: int) -> list[dict[str, Any]]:
    """Every attempt about a feature, in the order of writing.

    The journal holds neither keys nor headers, so none can be shown.

    Args:
        opened: The run.
        feature: Its id.

    Raises:
        UsageError: The journal is damaged.
    """
    rows = opened.journal_rows.get(feature)
    if not rows:
        return []
    with Journal(opened.run.journal, read_only=True) as journal:
        return [_exchange(attempt) for attempt in journal.attempts(rows)]


def _exchange(attempt: Attempt) -> dict[str, Any]:
    return {
        "purpose": attempt.tag.partition(" ")[0],
        "llm": f"{attempt.provider}:{attempt.model}",
        "request": json.loads(attempt.request).get("messages", []),
        "reply": attempt.reply or "",
        "outcome": str(attempt.outcome),
        "reason": attempt.reason,
        "is_reask": attempt.ask > 1,
        "source": attempt.source,
        "cost_usd": attempt.cost_usd,
        "seconds": attempt.seconds,
        "started": attempt.started,
        "tokens_in": attempt.usage and attempt.usage.tokens_in,
        "tokens_out": attempt.usage and attempt.usage.tokens_out,
    }
