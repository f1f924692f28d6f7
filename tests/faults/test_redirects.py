"""The key goes to the address that was given, and nowhere else; where it goes unencrypted, that is said."""

from __future__ import annotations

from pathlib import Path

import pytest
from faults_raw_server import Bytes, RawServer, http
from llm_canary import CANARY
from llm_scripted_server import Asker, ScriptedServer, error, question

from autointerp.errors import IncompleteError
from autointerp.llm import Limits, Outcome, ask, parse_provider


@pytest.fixture
def elsewhere(tmp_path: Path):
    del tmp_path
    running = ScriptedServer()
    yield running
    running.close()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("is_same_host", [False, True])
def test_a_redirect_is_not_followed(
    asker: Asker, server: ScriptedServer, elsewhere: ScriptedServer, status: int, is_same_host: bool
) -> None:
    target = (server if is_same_host else elsewhere).root
    server.script = [error(status, location=f"{target}/v1/chat/completions")]
    first, second = asker(question(1), question(2))
    assert (first.outcome, second.outcome, len(server.calls), elsewhere.calls) == (Outcome.error, Outcome.ok, 2, [])
    assert f"status {status}" in first.reason
    assert "redirect" in first.reason
    assert first.cost_usd == 0.0


def test_a_batch_service_that_redirects_does_not_pass_the_key_on(
    kind: str, raw: RawServer, tmp_path: Path, waits: list[float]
) -> None:
    del waits
    elsewhere = RawServer()
    raw.script = [Bytes(http(b"", "content-length: 0", f"location: {elsewhere.root}/x", status="HTTP/1.1 307 T"))] * 9
    spec = parse_provider(f"batch:{kind}:m", base_url=raw.root)
    with pytest.raises(IncompleteError):
        ask([question(1)], provider=spec, journal=tmp_path / "j", limits=Limits(max_attempts=1))
    elsewhere.close()
    assert CANARY.encode() in b"".join(raw.requests)
    assert CANARY.encode() not in b"".join(elsewhere.requests)


def test_a_key_that_crosses_a_network_unencrypted_is_warned_of(
    kind: str, asker: Asker, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", server.root)  # so that a name that is not this computer's is answered here
    for variable in ("NO_PROXY", "no_proxy", "http_proxy"):
        monkeypatch.delenv(variable, raising=False)
    path = "/v1" if kind == "openai" else ""
    asker.spec = parse_provider(f"{kind}:m", base_url=f"http://models.example.test{path}")
    assert asker(question(1))[0].outcome is Outcome.ok
    assert server.calls[0].headers["host"] == "models.example.test"
    assert any("http://models.example.test" in note and "unencrypted" in note for note in asker.notes)


def test_on_this_computer_there_is_no_such_warning(asker: Asker) -> None:
    assert asker(question(1))[0].outcome is Outcome.ok
    assert not any("unencrypted" in note for note in asker.notes)


def test_a_proxy_does_not_see_the_key_of_an_encrypted_address(
    kind: str, raw_asker: Asker, raw: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", raw.root)
    for variable in ("NO_PROXY", "no_proxy", "https_proxy"):
        monkeypatch.delenv(variable, raising=False)
    raw.script = [Bytes(http(b"", "content-length: 0", status="HTTP/1.1 403 Forbidden"))] * 2
    raw_asker.spec = parse_provider(f"{kind}:m", base_url="https://models.example.test/v1")
    (reply,) = raw_asker(question(1), max_attempts=2)
    assert reply.outcome is Outcome.error
    assert all(request.startswith(b"CONNECT models.example.test:443") for request in raw.requests)
    assert len(raw.requests) == 2
    assert CANARY.encode() not in b"".join(raw.requests)
    assert not any("unencrypted" in note for note in raw_asker.notes)
