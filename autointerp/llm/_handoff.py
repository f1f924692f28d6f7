"""The hand-off: requests into a file that a person or any program answers, replies back from a file."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from autointerp.errors import IncompleteError, UsageError
from autointerp.llm._attempt import Attempt
from autointerp.llm._history import reply_of
from autointerp.llm._job import Job
from autointerp.llm._journal import Journal, write_attempt
from autointerp.llm._ladder import with_schema_in_prompt
from autointerp.llm._lines import read_lines
from autointerp.llm._reply import Outcome, Reply
from autointerp.llm._request import request_json
from autointerp.llm._schema import wire_schema
from autointerp.llm._spec import HANDOFF, ProviderSpec
from autointerp.llm._text import excerpt, printable
from autointerp.llm._validate import validate_reply
from autointerp.run import replace_atomically

N_SHOWN = 3  # replies that do not fit, in a message


@dataclass(frozen=True)
class Handoff:
    """The two files of a hand-off. Replies are taken in first, then what still lacks a valid one is written."""

    requests_out: Path | None = None
    """Where to write requests; replaced whole."""
    replies_in: Path | None = None
    """Where to read replies."""

    def __post_init__(self) -> None:
        if self.replies_in is not None and not self.replies_in.is_file():
            raise UsageError(f"--replies-in {self.replies_in}: no such file.")
        if self.replies_in and self.requests_out and self.replies_in.resolve() == self.requests_out.resolve():
            raise UsageError(f"--requests-out {self.requests_out}: would replace the replies. Name another file.")

    @classmethod
    def of(cls, requests_out: str | Path | None, replies_in: str | Path | None) -> Self:
        """From names as a caller gives them.

        Raises:
            UsageError: There are no such replies, or the requests would replace them.
        """
        return cls(Path(requests_out) if requests_out else None, Path(replies_in) if replies_in else None)

    @property
    def is_given(self) -> bool:
        """Whether there is any file."""
        return self.requests_out is not None or self.replies_in is not None


def hand_off(
    jobs: Sequence[Job],
    spec: ProviderSpec,
    journal: Journal,
    *,
    files: Handoff,
    known: Collection[str],
    go_on: str,
    on_reply: Callable[[Reply], None],
    say: Callable[[str], None],
) -> None:
    """Take replies in, and write what is still to be answered.

    A reply that does not fit costs nothing, so it is not final: a better one may be handed in later.

    Args:
        jobs: Requests without a valid reply so far.
        spec: Who answers.
        journal: Open for writing.
        files: Requests out, replies in.
        known: Keys of all requests, answered ones too.
        go_on: The command that takes replies in, for the message.
        on_reply: Told each reply, once there is one for every request.
        say: Told what the user should read.

    Raises:
        UsageError: Replies are missing, and no file is named.
        IncompleteError: Replies are missing, or were asked for once more.
    """
    notes = []
    if files.replies_in is not None:
        jobs, note = _take_in(jobs, spec, journal, files.replies_in, known)
        notes.append(note)
    lacking = [job for job in jobs if not (job.billed and job.billed[-1].is_final)]
    missing = [job for job in lacking if not job.billed]
    if missing and not files.is_given:
        raise UsageError(
            f"--llm {spec}: {len(missing)} of {len(known)} requests have no reply yet. "
            "Write them to a file with --requests-out FILE, and take replies back with --replies-in FILE."
        )
    if files.requests_out is not None:
        _write_requests(files.requests_out, lacking)
        notes.append(f"{files.requests_out}: requests written: {len(lacking)}")
    if missing or (lacking and files.requests_out is not None):
        notes.append(f"{len(lacking)} of {len(known)} requests await a valid reply{_complaints(lacking)}")
        them = "" if files.requests_out is not None else " (--requests-out FILE writes just these)"
        raise IncompleteError(
            f"{'; '.join(notes)}{them}. Answer each with a line "
            '{"custom_id": "...", "reply": {...}} in a file of your own; the reply fits the request\'s reply_schema. '
            f"Then: {go_on} --replies-in FILE"
        )
    for job in jobs:
        on_reply(reply_of(job.key, job.request, job.billed, from_journal=False))
    say("; ".join(notes))


def _take_in(
    jobs: Sequence[Job], spec: ProviderSpec, journal: Journal, path: Path, known: Collection[str]
) -> tuple[list[Job], str]:
    """The jobs with what the file has for them, journalled, and a few words on it."""
    try:
        lines = read_lines(path, known=known, fields=("reply",))
    except OSError as error:
        raise UsageError(f"--replies-in {path}: can't be read ({error.strerror}).") from error
    done: list[Job] = []
    attempts: list[Attempt] = []
    for job in jobs:
        new = [_attempt(job, spec, lines.answers[job.key]["reply"])] if job.key in lines.answers else []
        if job.billed and new and new[0].reply == job.billed[-1].reply:  # the same file once more
            new = []
        done.append(Job(job.key, job.request, (*job.billed, *new)))
        attempts += new
    with journal.transaction() as db:
        for attempt in attempts:
            write_attempt(db, attempt)
    n_valid = sum(attempt.outcome is Outcome.ok for attempt in attempts)
    notes = [f"{path}: replies taken in: {n_valid}", lines.notes()]
    return done, "; ".join(note for note in notes if note)


def _attempt(job: Job, spec: ProviderSpec, reply: object) -> Attempt:
    text = printable(reply) if isinstance(reply, str) else json.dumps(reply)
    checked = validate_reply(text, job.request.reply_model)
    return Attempt(
        key=job.key,
        tag=job.request.tag,
        provider=spec.kind,
        endpoint=spec.base_url,
        model=spec.model,
        rung=HANDOFF,
        ask=1,
        request=request_json(job.request, spec),
        reply=text,
        outcome=Outcome.invalid if isinstance(checked, str) else Outcome.ok,
        reason=checked if isinstance(checked, str) else "",
        usage=None,
        cost_usd=0.0,
        reserved_usd=None,
        started=datetime.now(UTC).isoformat(timespec="milliseconds"),
        seconds=0.0,
        http_status=None,
        request_id=None,
    )


def _write_requests(path: Path, jobs: Sequence[Job]) -> None:
    with replace_atomically(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as out:
        for job in jobs:
            out.write(json.dumps(_line(job)) + "\n")


def _line(job: Job) -> dict[str, Any]:
    """One request as a person or a program needs it; ``prompt`` is all of it in one text, to be pasted anywhere."""
    request = job.request
    whole = with_schema_in_prompt(request, HANDOFF)
    line: dict[str, Any] = {
        "custom_id": job.key,
        "tag": request.tag,
        "messages": [{"role": message.role, "content": message.content} for message in request.messages],
        "reply_schema": wire_schema(request.reply_model, HANDOFF),
        "max_output_tokens": request.max_output_tokens,
        "prompt": "\n\n".join(message.content for message in whole.messages),
    }
    return line | ({"problem": job.billed[-1].reason} if job.billed else {})


def _complaints(jobs: Sequence[Job]) -> str:
    refused = [job for job in jobs if job.billed]
    shown = "; ".join(f"{excerpt(job.request.tag, 40)}: {job.billed[-1].reason}" for job in refused[:N_SHOWN])
    return f", {len(refused)} of them had one that does not fit ({shown})" if refused else ""
