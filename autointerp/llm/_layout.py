"""The tables of a journal, and how those of an older version become them."""

from __future__ import annotations

APPLICATION_ID = 0x41494A31  # "AIJ1"
VERSION = 2
"""Of the layout; ``PRAGMA user_version`` of the file."""

_ATTEMPTS = """
CREATE TABLE attempts (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL, attempt INTEGER NOT NULL, tag TEXT NOT NULL,
    provider TEXT NOT NULL, endpoint TEXT NOT NULL, model TEXT NOT NULL, rung TEXT NOT NULL, ask INTEGER NOT NULL,
    outcome TEXT NOT NULL, reason TEXT NOT NULL,
    tokens_in INTEGER, tokens_out INTEGER,
    tokens_cached INTEGER, tokens_cache_written INTEGER, tokens_reasoning INTEGER,
    cost_usd REAL, reserved_usd REAL, source TEXT NOT NULL DEFAULT 'sent', saved_usd REAL,
    started TEXT NOT NULL, seconds REAL NOT NULL, http_status INTEGER, request_id TEXT,
    request TEXT NOT NULL, reply TEXT
)
"""  # the long texts last: reading the other columns then skips them
_INDEX = "CREATE INDEX attempts_by_key ON attempts (key)"
_REOPENED = """
CREATE TABLE reopened (key TEXT NOT NULL, through INTEGER NOT NULL, at TEXT NOT NULL, UNIQUE (key, through))
"""
_BATCHES = """
CREATE TABLE IF NOT EXISTS batches (
    name TEXT PRIMARY KEY, provider TEXT NOT NULL, endpoint TEXT NOT NULL, model TEXT NOT NULL,
    started TEXT NOT NULL, newest_before TEXT, batch_id TEXT
)
"""
_BATCH_REQUESTS = """
CREATE TABLE IF NOT EXISTS batch_requests (
    batch TEXT NOT NULL, key TEXT NOT NULL, ask INTEGER NOT NULL, reserved_usd REAL,
    state TEXT NOT NULL DEFAULT 'open', PRIMARY KEY (batch, key)
) WITHOUT ROWID
"""
_MARK = f"PRAGMA user_version = {VERSION}"

CREATE = (_ATTEMPTS, _INDEX, _REOPENED, _BATCHES, _BATCH_REQUESTS, f"PRAGMA application_id = {APPLICATION_ID}", _MARK)
"""What makes a new file."""
UPDATE = {
    1: (
        "ALTER TABLE attempts ADD COLUMN tokens_reasoning INTEGER",
        "ALTER TABLE attempts ADD COLUMN source TEXT NOT NULL DEFAULT 'sent'",
        "ALTER TABLE attempts ADD COLUMN saved_usd REAL",
        _REOPENED,
        _BATCHES,
        _BATCH_REQUESTS,
        _MARK,
    )
}
"""Version of a file -> what brings it up to this one."""
