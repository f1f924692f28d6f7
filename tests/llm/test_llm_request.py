"""Keys, provider lines and secrets."""

from __future__ import annotations

import dataclasses
import hashlib

import pytest
from llm_scripted_server import Verdict, question
from pydantic import BaseModel

from autointerp.errors import ProviderFatalError, UsageError
from autointerp.llm import Message, ProviderSpec, Request, parse_provider, request_key
from autointerp.llm._provider import open_provider
from autointerp.llm._request import request_json
from autointerp.llm._secret import Secret


class Word(BaseModel):
    word: str


REQUEST = Request((Message("system", "Näme it."), Message("user", "x\ud800\n")), Word, tag="t")
SPEC = parse_provider("openai:gpt-test")
MESSAGES = '"messages":[{"content":"N\\u00e4me it.","role":"system"},{"content":"x\\\\ud800\\n","role":"user"}]'
SCHEMA = '{"additionalProperties":false,"properties":{"word":{"type":"string"}},"required":["word"],"type":"object"}'
OPENAI = (
    '{"endpoint":"https://api.openai.com/v1","format":{"json_schema":{"name":"Word","schema":'
    f'{SCHEMA},"strict":true}},"type":"json_schema"}},{MESSAGES},"model":"gpt-test",'
    '"parameters":{"max_output_tokens":600},"provider":"openai","sample":0}'
)
ANTHROPIC = (
    f'{{"endpoint":"https://api.anthropic.com","format":{{"schema":{SCHEMA},"type":"json_schema"}},{MESSAGES},'
    '"model":"claude-test","parameters":{"max_output_tokens":600},"provider":"anthropic","sample":0}'
)
GOLDEN = [
    ("openai:gpt-test", OPENAI, "e265b2d58f942508bc4867d5e12ec8219f97f1b63a494699131a501b1b285edf"),
    ("anthropic:claude-test", ANTHROPIC, "002311c14232eac8e10610f72e3c593910103d581ad402cd66aa6c2b09a30efd"),
]
"""Provider, the bytes that are hashed, and the hash: what every journal and cache already written goes by."""


@pytest.mark.parametrize(("line", "golden", "key"), GOLDEN)
def test_the_bytes_of_a_key_never_change(line: str, golden: str, key: str) -> None:
    spec = parse_provider(line)
    assert request_json(REQUEST, spec) == golden
    assert request_key(REQUEST, spec) == hashlib.sha256(golden.encode()).hexdigest() == key


def test_what_a_key_depends_on() -> None:
    same = [
        (dataclasses.replace(REQUEST, tag="another"), SPEC),
        (REQUEST, parse_provider("replay:openai:gpt-test")),
        (REQUEST, parse_provider("batch:openai:gpt-test")),
        (REQUEST, parse_provider("openai:gpt-test", base_url="https://api.openai.com/v1/")),
    ]
    other = [
        (dataclasses.replace(REQUEST, sample=1), SPEC),
        (dataclasses.replace(REQUEST, max_output_tokens=601), SPEC),
        (dataclasses.replace(REQUEST, reply_model=Verdict), SPEC),
        (dataclasses.replace(REQUEST, messages=REQUEST.messages[1:]), SPEC),
        (REQUEST, parse_provider("openai:gpt-test2")),
        (REQUEST, parse_provider("anthropic:gpt-test")),
        (REQUEST, parse_provider("openai:gpt-test", base_url="http://127.0.0.1:1/v1")),
    ]
    assert {request_key(*one) for one in same} == {request_key(REQUEST, SPEC)}
    assert len({request_key(*one) for one in [*same, *other]}) == 1 + len(other)


def test_provider_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    assert parse_provider("openai:ft:gpt:org::7") == ProviderSpec(
        "openai", "ft:gpt:org::7", "https://api.openai.com/v1"
    )
    assert parse_provider("replay:anthropic:m") == ProviderSpec("anthropic", "m", "https://api.anthropic.com", "replay")
    for line in ("openai:a:b", "replay:anthropic:m", "batch:openai:m", "jsonl:me", "replay:jsonl:me"):
        assert str(parse_provider(line)) == line
    assert parse_provider("batch:openai:m").way == "batch"
    assert parse_provider("jsonl") == ProviderSpec("jsonl", "anyone", "", "handoff")
    with pytest.raises(UsageError, match="--base-url"):
        parse_provider("jsonl", base_url="http://127.0.0.1:1")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://localhost:8080/v1/")
    found = parse_provider("openai:m")
    assert (found.base_url, found.is_loopback, found.is_cleartext) == ("http://localhost:8080/v1", True, False)
    assert parse_provider("openai:m", base_url="http://10.0.0.5").is_cleartext
    assert parse_provider("openai:m", base_url="http://[::1]:80").is_loopback
    assert not parse_provider("openai:m", base_url="https://127.0.0.1.example.org").is_loopback


@pytest.mark.parametrize(
    "line",
    [
        "",
        "openai",
        "openai:",
        "openai: ",
        "rules",
        "replay:openai",
        "replay:replay:m",
        "batch:jsonl",
        "batch:openai",
        "gpt:4",
        "openai:a\nb",
    ],
)
def test_lines_that_are_no_provider(line: str) -> None:
    with pytest.raises(UsageError, match="not a provider"):
        parse_provider(line)


@pytest.mark.parametrize("url", ["localhost:80", "ftp://a", "http://", "http://a:99999", "http://[::1"])
def test_addresses_that_are_none(url: str) -> None:
    with pytest.raises(UsageError, match="not an address"):
        parse_provider("openai:m", base_url=url)


@pytest.mark.parametrize(
    "url", ["https://me:hunter22@host/v1", "https://host/v1?key=hunter22", "https://host#hunter22"]
)
def test_secrets_in_addresses_are_refused_and_not_shown(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_provider("openai:m", base_url=url)
    assert "hunter22" not in str(caught.value)


def test_secrets() -> None:
    secret = Secret("sk-12345678")
    assert "12345678" not in repr(secret) + str(secret) + f"{[secret]}"
    assert secret.redact("a sk-12345678 b") == "a *** b"
    assert Secret("none").redact("none of it") == "none of it"


@pytest.mark.parametrize("kind", ["openai", "anthropic"])
def test_a_missing_key_names_its_variable(kind: str) -> None:
    with pytest.raises(ProviderFatalError, match=f"{kind.upper()}_API_KEY"):
        open_provider(parse_provider(f"{kind}:m"), timeout_s=1.0)


def test_questions_differ() -> None:
    assert request_key(question(1), SPEC) != request_key(question(2), SPEC)
