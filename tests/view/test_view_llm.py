"""A run that an LLM labelled and judged: its words, its money, and its verdicts beside the contexts."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from autointerp.harvest import load_contexts
from autointerp.label import explain_contexts, label_features, label_requests, load_groups, load_label_rows
from autointerp.llm import Asking, Attempt, Journal, Outcome, Request, Usage, parse_provider, request_key
from autointerp.run import LLMInput, RunDirectory
from autointerp.score import detection_request, load_score_rows, make_trial, questions, score_features
from autointerp.score._row import write_scores

LLM = "openai:a-model"
ASKING = Asking(base_url="http://127.0.0.1:1/v1")
LABEL = {"reasoning": "it is <b>always</b> so", "verdict": "MONOSEMANTIC", "label": "the word self", "confidence": 4,
         "evidence": [1, 2]}  # fmt: skip


def write_replies(journal: Path, requests: Iterable[Request], text: str) -> None:
    """As if the provider had answered every request with one text."""
    spec = parse_provider(LLM, base_url=ASKING.base_url)
    with Journal(journal) as book:
        for request in requests:
            messages = [{"role": one.role, "content": one.content} for one in request.messages]
            book.record(
                Attempt(
                    key=request_key(request, spec), tag=request.tag, provider=spec.kind, endpoint=spec.base_url,
                    model=spec.model, rung="json_schema", ask=1, request=json.dumps({"messages": messages}),
                    reply=text, outcome=Outcome.ok, reason="", usage=Usage(900, 30), cost_usd=0.00125,
                    reserved_usd=0.01, started="2026-01-01T00:00:00", seconds=1.5, http_status=200, request_id="r",
                )
            )  # fmt: skip


@pytest.fixture
def asked(run: RunDirectory) -> RunDirectory:
    """The run once more, labelled and judged by replies in its journal; the judge sees the first two contexts."""
    groups = load_groups(run)
    write_replies(run.journal, label_requests(explain_contexts(run, groups)).values(), json.dumps(LABEL))
    label_features(run, llm=f"replay:{LLM}", groups=groups, asking=ASKING)
    labels, contexts = {row.feature: row for row in load_label_rows(run)}, load_contexts(run)
    trials = {feature: make_trial(feature, contexts.get(feature, []), seed=0) for feature in labels}
    own, nulls, _ = questions(labels, trials, seed=0)
    both = [detection_request(one) for one in (*own.values(), *nulls.values())]
    write_replies(run.journal, both, '{"active": [1, 2]}')
    score_features(run, llm=f"replay:{LLM}", asking=ASKING)
    return run


def details(run: RunDirectory, make_site) -> dict[int, dict]:
    site = make_site(run)
    shards = [json.loads(site.document(name)) for name in site.names if name.startswith("features/")]
    return {int(feature): page for shard in shards for feature, page in shard["features"].items()}


def test_the_judges_verdict_stands_beside_each_held_out_context(asked: RunDirectory, make_site) -> None:
    contexts, n_judged = load_contexts(asked), 0
    for feature, page in details(asked, make_site).items():
        if "judged" in page["missing"]:
            continue
        seen = [(one.window, one.position) for one in make_trial(feature, contexts[feature], seed=0).contexts[:2]]
        for one in page["contexts"]:
            if one["split"] == "explain":
                assert one["judged"] is None
                continue
            n_judged += 1
            says = (one["window"], one["position"]) in seen
            assert one["judged"] == {"says": says, "right": says != one["stratum"].startswith("negative")}
    assert n_judged > 100


def test_only_what_the_prompt_showed_counts_as_shown(asked: RunDirectory, make_site) -> None:
    requests = label_requests(explain_contexts(asked, load_groups(asked)))
    for feature, request in requests.items():
        prompt = request.messages[-1].content
        explain = [one for one in details(asked, make_site)[feature]["contexts"] if one["split"] == "explain"]
        for one in explain:
            assert one["shown"] == (f"\n[{one['number']}," in prompt)
        assert 0 < sum(one["shown"] for one in explain) < len(explain)
        break


def test_prompts_and_replies_are_the_very_words(asked: RunDirectory, make_site) -> None:
    feature, request = next(iter(label_requests(explain_contexts(asked, load_groups(asked))).items()))
    sent = details(asked, make_site)[feature]["exchanges"]
    assert [one["purpose"] for one in sent][:2] == ["label", "score"]
    first = sent[0]
    assert [message["content"] for message in first["request"]] == [one.content for one in request.messages]
    assert json.loads(first["reply"]) == LABEL
    assert (first["llm"], first["outcome"], first["source"]) == (LLM, "ok", "sent")
    assert (first["cost_usd"], first["seconds"], first["tokens_in"]) == (0.00125, 1.5, 900)


def test_an_answer_that_is_not_in_the_journal_is_missed(asked: RunDirectory, make_site) -> None:
    judge = LLMInput(provider="openai:another", prompt="detect@1", base_url=ASKING.base_url)
    asked.update(lambda manifest: setattr(manifest, "judge", judge))
    pages = details(asked, make_site).values()
    assert {page["missing"].get("judged") for page in pages} <= {
        "the judge's answer is not in the journal", "too few held-out contexts",
    }  # fmt: skip
    assert all(one["judged"] is None for page in pages for one in page["contexts"])


def test_a_judge_that_failed_is_named(asked: RunDirectory, make_site) -> None:
    rows = [dataclasses.replace(row, outcome="refused") if row.scored else row for row in load_score_rows(asked)]
    write_scores(asked, rows)
    asked.journal.unlink()
    reasons = [page["missing"].get("judged") for page in details(asked, make_site).values()]
    assert reasons.count("the judge gave no answer: refused") == sum(row.scored for row in rows) > 0


def test_a_run_of_rules_has_sent_nothing(features) -> None:
    assert all(page["exchanges"] == [] for page in features.values())
