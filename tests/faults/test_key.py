"""The key stays in the environment: not in logs, tracebacks, reprs or messages, whatever the server does. Both SDKs."""

from __future__ import annotations

import logging
import traceback

import pytest
from llm_canary import CANARY
from llm_scripted_server import GOOD, Answer, Asker, ScriptedServer, error, question

from autointerp.errors import ProviderFatalError
from autointerp.llm import Outcome
from autointerp.llm._provider import open_provider

ECHO = {"x-request-id": CANARY, "request-id": CANARY, "set-cookie": f"key={CANARY}"}


def test_the_chattiest_logs_do_not_hold_it(
    asker: Asker, server: ScriptedServer, waits: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server.script = [Answer(), error(500), Answer(manner="reset"), Answer(body=b"<p>"), error(429, retry_after="1")]
    replies = asker(question(1), question(2))
    assert ({reply.outcome for reply in replies}, len(waits)) == ({Outcome.ok}, 4)
    assert any("POST" in record.getMessage() for record in caplog.records)
    assert CANARY not in caplog.text


@pytest.mark.parametrize("status", [401, 402, 403])
def test_tracebacks_do_not_hold_it_with_all_their_variables(asker: Asker, server: ScriptedServer, status: int) -> None:
    server.script = [error(status, message=f"bad key {CANARY}", code="invalid_api_key", x_request_id=CANARY)]
    with pytest.raises(ProviderFatalError) as caught:
        asker(question(1))
    told = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    assert "ProviderFatalError" in told
    assert "self._provider" in told or "Run" in told  # the variables are there
    assert CANARY not in told
    assert CANARY not in repr(caught.value) + "".join(asker.notes)


def test_objects_do_not_show_it(asker: Asker, waits: list[float]) -> None:
    del waits
    provider = open_provider(asker.spec, timeout_s=1.0)
    shown = repr(provider) + repr(vars(provider)) + repr(asker.spec) + str(asker.spec) + repr(provider.secret)
    assert CANARY not in shown


@pytest.mark.parametrize("tail", ["é", "\u200b", "\ud83d", "\nx-evil: 1", "\r\nx-evil: 1", "\x00", "\x7f"])
def test_a_key_that_no_header_can_carry_is_refused_and_not_shown(
    asker: Asker, server: ScriptedServer, kind: str, monkeypatch: pytest.MonkeyPatch, tail: str
) -> None:
    monkeypatch.setattr("os.environ", {f"{kind.upper()}_API_KEY": f"{CANARY}{tail}x"})  # setenv takes less than this
    with pytest.raises(ProviderFatalError, match=f"{kind.upper()}_API_KEY holds a character") as caught:
        asker(question(1))
    assert server.calls == []
    assert CANARY not in repr(caught.value)


def test_what_a_server_echoes_is_masked_before_it_is_kept(asker: Asker, server: ScriptedServer) -> None:
    server.script = [
        error(500, message=CANARY, code="x", **{"x-request-id": CANARY}),
        Answer(body=CANARY.encode(), headers=ECHO | {"content-type": CANARY}),
        Answer(text=GOOD.replace("dogs", CANARY), headers=ECHO),
    ]
    (reply,) = asker(question(1))
    assert reply.outcome is Outcome.ok
    assert CANARY not in repr(reply)
    written = b"".join(file.read_bytes() for file in asker.journal.parent.iterdir())
    assert b"***" in written
    assert CANARY.encode() not in written
