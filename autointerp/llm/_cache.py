"""A folder of answers that runs share, so that none of them buys what another has."""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from autointerp.errors import UsageError
from autointerp.llm._attempt import Attempt
from autointerp.llm._reply import Outcome
from autointerp.llm._request import Request
from autointerp.llm._validate import validate_reply


class _Entry(BaseModel):
    """The content of one file."""

    model_config = ConfigDict(extra="forbid", strict=True)

    version: Literal[1] = 1
    key: str
    attempts: tuple[Attempt, ...]
    """As the run that sent them journalled them; the last is final."""


class Cache:
    """One JSON file a request, named by its key: ``ab/ab12...json``.

    A file appears whole, so any number of processes may share the folder, and each file stands for itself: one that
    can't be read, is of another version, belongs to another request or holds a reply that does not fit is passed over
    and written anew once the request is answered. Deleting files, or all of it, only costs the answers.
    """

    def __init__(self, folder: Path, *, say: Callable[[str], None]) -> None:
        """Name it.

        Args:
            folder: Made with the first answer.
            say: Told what the user should read.

        Raises:
            UsageError: It is a file.
        """
        if folder.exists() and not folder.is_dir():
            raise UsageError(f"--cache {folder}: is a file. Name a folder.")
        self._folder, self._say = folder, say
        self._is_writable = True

    def __contains__(self, key: str) -> bool:
        """Whether there is a file for a key; it may still be unusable."""
        return self._file(key).exists()

    def find(self, key: str, request: Request) -> tuple[Attempt, ...]:
        """The attempts that answer a request.

        Args:
            key: The request's.
            request: A reply that is ``ok`` must fit its model.

        Returns:
            As the run that sent them journalled them; none where there is no answer that can be used.
        """
        file = self._file(key)
        try:
            attempts = _Entry.model_validate_json(file.read_bytes()).attempts
            fault = _fault(key, request, attempts)
        except FileNotFoundError:
            return ()
        except ValidationError as error:
            fault = str(error.errors()[0]["msg"])
        except OSError as error:
            fault = str(error)
        if not fault:
            return attempts
        self._say(f"{file}: passed over ({fault})")
        return ()

    def keep(self, key: str, attempts: Sequence[Attempt]) -> None:
        """Put the answer to a request there for others, in place of any that is there.

        Args:
            key: The request's.
            attempts: Those that brought a reply; kept when the last is final.
        """
        if not self._is_writable or not attempts or not attempts[-1].is_final or not _is_of(key, attempts):
            return
        file = self._file(key)
        temporary = file.with_name(f".{key}.{os.getpid()}.{threading.get_ident()}.tmp")
        entry = _Entry(key=key, attempts=tuple(attempts))
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_text(entry.model_dump_json(), encoding="utf-8")
            temporary.replace(file)  # not flushed to the disk first: a file that a power cut tears is passed over
        except OSError as error:
            self._is_writable = False
            with contextlib.suppress(OSError):
                temporary.unlink()
            self._say(f"{self._folder}: can't be written ({error}); answers stay in this run alone")

    def _file(self, key: str) -> Path:
        return self._folder / key[:2] / f"{key}.json"


def _fault(key: str, request: Request, attempts: Sequence[Attempt]) -> str:
    """Why attempts are no answer to a request; "" when they are."""
    if not attempts or not attempts[-1].is_final:
        return "holds no final reply"
    if not _is_of(key, attempts):
        return "belongs to another request"
    last = attempts[-1]
    if last.outcome is Outcome.ok:
        checked = validate_reply(last.reply or "", request.reply_model)
        return f"its reply does not fit: {checked}" if isinstance(checked, str) else ""
    return ""


def _is_of(key: str, attempts: Sequence[Attempt]) -> bool:
    """Whether a key is the hash of what was sent; not so where a secret in it was masked."""
    return hashlib.sha256(attempts[0].request.encode()).hexdigest() == key
