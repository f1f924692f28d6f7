"""The hand-off: what is written for people and programs, and what is made of what they bring back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llm_scripted_server import GOOD, question

from autointerp.errors import IncompleteError, UsageError
from autointerp.llm import Asking, Handoff, Journal, Reply, ask, parse_provider
from autointerp.llm._lines import read_lines

THREE = [question(number) for number in range(3)]
VALUE = json.loads(GOOD)
Line = dict[str, Any]


class Desk:
    """A hand-off with one journal; its files are ``requests.jsonl`` and ``replies.jsonl``."""

    def __init__(self, folder: Path) -> None:
        self.journal, self.requests, self.replies = (
            folder / name for name in ("j.db", "requests.jsonl", "replies.jsonl")
        )

    def ask(
        self, *, out: bool = False, replies: Sequence[Line | bytes] | None = None, llm: str = "jsonl"
    ) -> list[Reply]:
        if replies is not None:
            lines = [one if isinstance(one, bytes) else json.dumps(one).encode() + b"\n" for one in replies]
            self.replies.write_bytes(b"".join(lines))
        files = Handoff(self.requests if out else None, self.replies if replies is not None else None)
        provider = parse_provider(llm)
        return ask(THREE, provider=provider, journal=self.journal, handoff=files, go_on="autointerp label --resume")

    def asked(self) -> list[Line]:
        self.requests.unlink(missing_ok=True)
        with pytest.raises(IncompleteError):
            self.ask(out=True)
        return self.written()

    def written(self) -> list[Line]:
        return [json.loads(line) for line in self.requests.read_text(encoding="ascii").splitlines()]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_request_holds_all_that_an_answer_needs(desk: Desk) -> None:
    with pytest.raises(IncompleteError, match=r"3 of 3 requests.*autointerp label --resume --replies-in FILE"):
        desk.ask(out=True)
    first = desk.written()[0]
    assert list(first) == ["custom_id", "tag", "messages", "reply_schema", "max_output_tokens", "prompt"]
    assert (first["tag"], first["max_output_tokens"]) == ("q0", 600)
    assert first["messages"] == [
        {"role": "system", "content": "You name things."},
        {"role": "user", "content": "question 0"},
    ]
    schema = first["reply_schema"]
    assert schema["required"] == ["label", "kind", "confidence", "evidence"]
    assert schema["properties"]["confidence"] == {"type": "integer", "minimum": 1, "maximum": 5}
    for part in ("You name things.", "question 0", '"required":["label"'):
        assert part in first["prompt"]


def test_replies_come_back_through_the_same_validation(desk: Desk) -> None:
    a, b, c = (line["custom_id"] for line in desk.asked())
    fenced = f"```json\n{GOOD}\n```"
    replies = desk.ask(
        replies=[
            {"custom_id": c, "reply": VALUE | {"confidence": 9}},
            {"custom_id": a, "reply": VALUE, "model": "a friend", "usage": None},
            {"custom_id": b, "reply": fenced},
        ]
    )
    assert [reply.outcome for reply in replies] == ["ok", "ok", "invalid"]
    assert "confidence" in replies[2].reason
    assert replies[0].value.model_dump() == VALUE  # type: ignore[union-attr]
    assert {reply.cost_usd for reply in replies} == {0.0}
    again = desk.ask(llm="replay:jsonl")
    assert [(reply.outcome, reply.from_journal) for reply in again] == [("ok", True), ("ok", True), ("invalid", True)]


@pytest.mark.parametrize("reply", [None, 3, [VALUE], "", "dogs", VALUE | {"more": 1}, {"label": "\ud800"}])
def test_what_does_not_fit_is_told_and_may_be_corrected(desk: Desk, reply: object) -> None:
    a, b, c = (line["custom_id"] for line in desk.asked())
    good = [{"custom_id": key, "reply": VALUE} for key in (a, b)]
    finished = desk.ask(replies=[*good, {"custom_id": c, "reply": reply}])
    assert [one.outcome for one in finished] == ["ok", "ok", "invalid"]
    with pytest.raises(
        IncompleteError, match=r"1 of 3 requests await a valid reply, 1 of them had one that does not fit"
    ):
        desk.ask(out=True)
    (line,) = desk.written()
    desk.ask(replies=[{"custom_id": c, "reply": reply}])  # the same once more is nothing new
    with Journal(desk.journal) as journal:
        assert [attempt.outcome for attempt in journal.billed(c)] == ["invalid"]
    assert (line["custom_id"], line["problem"]) == (c, finished[2].reason)
    assert [one.outcome for one in desk.ask(out=True, replies=[{"custom_id": c, "reply": VALUE}])] == ["ok"] * 3
    assert desk.written() == []


def test_part_of_the_replies_is_kept_and_the_rest_asked_for(desk: Desk) -> None:
    a, b, c = (line["custom_id"] for line in desk.asked())
    with pytest.raises(IncompleteError, match=r"replies taken in: 1; .*requests.jsonl: requests written: 2"):
        desk.ask(out=True, replies=[{"custom_id": b, "reply": VALUE}])
    assert [line["custom_id"] for line in desk.written()] == [a, c]
    with pytest.raises(UsageError, match="2 of 3 requests have no reply yet"):
        desk.ask()
    with pytest.raises(IncompleteError, match=r"replies taken in: 0"):  # the same file once more
        desk.ask(replies=[{"custom_id": b, "reply": VALUE}])
    with Journal(desk.journal) as journal:
        assert [len(journal.billed(key)) for key in (a, b, c)] == [0, 1, 0]
    assert desk.ask(replies=[{"custom_id": key, "reply": VALUE} for key in (a, c)])[1].from_journal


def test_torn_foreign_and_repeated_lines_cost_only_themselves(desk: Desk) -> None:
    a, b, c = (line["custom_id"] for line in desk.asked())
    good = {key: json.dumps({"custom_id": key, "reply": VALUE}).encode() for key in (a, b, c)}
    other = json.dumps({"custom_id": b, "reply": VALUE | {"label": "cats"}}).encode()
    lines = [b"\xef\xbb\xbf", good[a], b"\r\n\r\n", good[a], b"\n", good[b], b"\n", other, b"\n"]
    lines += [b'{"custom_id": "nobody", "reply": {}}\n', b'{"custom_id": ["x"]}\n', b"\xff\n", good[c][:-5]]
    with pytest.raises(IncompleteError) as caught:
        desk.ask(replies=lines)
    for part in (
        "replies taken in: 1",
        "torn or unreadable lines, the first is line 7: 3",
        "lines with ids that were not asked for: 1",
        "ids answered twice and not alike: 1",
        "2 of 3 requests await",
    ):
        assert part in str(caught.value)


def test_names_keep_answers_apart(desk: Desk) -> None:
    a, b, c = (line["custom_id"] for line in desk.asked())
    desk.ask(replies=[{"custom_id": key, "reply": VALUE} for key in (a, b, c)])
    with pytest.raises(UsageError, match="3 of 3 requests have no reply"):
        desk.ask(llm="jsonl:somebody-else")


def test_files_that_can_not_be_meant(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        Handoff(None, tmp_path / "none.jsonl")
    path = tmp_path / "x.jsonl"
    path.write_text("")
    with pytest.raises(UsageError, match="would replace the replies"):
        Handoff(tmp_path / "." / "x.jsonl", path)
    with pytest.raises(UsageError, match="go with --llm jsonl"):
        Asking(handoff=Handoff(path)).ask("openai:m", THREE, journal=tmp_path / "j.db", progress=None)
    assert path.read_text() == ""


def test_a_file_that_can_not_be_written_leaves_the_old_one(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.asked()
    before = desk.requests.read_bytes()

    def full(*_: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("autointerp.llm._handoff._line", full)
    with pytest.raises(OSError, match="No space"):
        desk.ask(out=True)
    assert desk.requests.read_bytes() == before
    assert sorted(path.name for path in desk.requests.parent.glob("*requests*")) == ["requests.jsonl"]


Ids = st.sampled_from(["a", "b", "c", "unknown"])


@given(st.lists(st.tuples(Ids, st.integers(0, 2))), st.integers(0, 40))
def test_a_torn_file_never_changes_an_answer(
    tmp_path_factory: pytest.TempPathFactory, answers: list[tuple[str, int]], n_lost: int
) -> None:
    whole = "".join(json.dumps({"custom_id": key, "reply": value}) + "\n" for key, value in answers).encode()
    found = read(tmp_path_factory, whole)
    told = {key: {value for one, value in answers if one == key} for key in ("a", "b", "c")}
    assert found.answers == {key: {"reply": values.pop()} for key, values in told.items() if len(values) == 1}
    assert found.unreadable == []
    assert found.n_unknown == sum(key == "unknown" for key, _ in answers)
    torn = read(tmp_path_factory, whole[: max(0, len(whole) - n_lost)])
    assert len(torn.unreadable) <= 1
    for key, answer in torn.answers.items():
        assert answer["reply"] in {value for one, value in answers if one == key}


def read(folders: pytest.TempPathFactory, content: bytes) -> Any:
    path = folders.getbasetemp() / "lines.jsonl"
    path.write_bytes(content)
    return read_lines(path, known=["a", "b", "c"], fields=("reply",))
