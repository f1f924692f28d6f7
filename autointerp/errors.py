"""Every error a caller of autointerp can meet, and the exit code the command line gives it.

AutointerpError            1  an error of ours: the message is still for people
├── UsageError             2  wrong option, file, value: says what, where, and what to do
│   ├── MismatchError      2  two inputs disagree (hook points, models, windows); names both values
│   └── NotComparableError 2  a run and a baseline that can't be compared
├── IncompleteError        4  stopped by a budget, or too little was scored; the run can be resumed
├── ProviderFatalError     5  the LLM provider refuses the account (auth, quota, spend limit)
└── InterruptedRunError  130  Ctrl-C; the run can be resumed
    └── TerminatedRunError 143  SIGTERM; likewise

The SAE core stands on its own and raises ``sae.SAEError`` (a ValueError), which the command line treats as 2.
"""

from __future__ import annotations

from typing import ClassVar


class AutointerpError(Exception):
    """Base of all; its message says what happened, where, and what to do."""

    exit_code: ClassVar[int] = 1


class UsageError(AutointerpError):
    """The caller gave something that can't work."""

    exit_code = 2


class MismatchError(UsageError):
    """Two inputs that must agree do not."""

    def __init__(self, what: str, *, expected: object, found: object, hint: str) -> None:
        """Name both values.

        Args:
            what: What disagrees, with where each value comes from.
            expected: The value the first side asks for.
            found: The value the second side has.
            hint: What to do about it.
        """
        self.what, self.expected, self.found = what, expected, found
        super().__init__(f"{what}: expected {expected!r}, found {found!r}. {hint}")


class NotComparableError(UsageError):
    """A run can't be held against this baseline."""


class IncompleteError(AutointerpError):
    """The work stopped early on purpose, and can be resumed."""

    exit_code = 4


class ProviderFatalError(AutointerpError):
    """No further request can succeed with this account."""

    exit_code = 5


class InterruptedRunError(AutointerpError):
    """The user stopped the run."""

    exit_code = 130


class TerminatedRunError(InterruptedRunError):
    """The system stopped the run."""

    exit_code = 143
