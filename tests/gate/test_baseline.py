from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from autointerp.errors import UsageError
from autointerp.gate import Noise, make_baseline, read_baseline, write_baseline
from autointerp.gate._direction import cosine, decode_direction, encode_direction


def test_it_survives_its_file_byte_for_byte(make_run, decoder, shares, tmp_path):
    run = make_run("run", [*shares(10, 5), None], labels={1: "POLYSEMANTIC", 2: "</script>\x00\u202e"})
    baseline = make_baseline(run, decoder)
    write_baseline(baseline, tmp_path / "one.json")
    assert read_baseline(tmp_path / "one.json") == baseline
    write_baseline(make_baseline(run, decoder), tmp_path / "two.json")
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()


def test_it_counts_answers_not_gaps(make_run, decoder, shares):
    baseline = make_baseline(make_run("run", [*shares(10, 4), None], labels={1: "POLYSEMANTIC"}), decoder)
    rates = baseline.groups["random:11"].rates
    assert (rates["verified"].k, rates["verified"].n) == (4, 10)
    assert (rates["label"].k, rates["label"].n) == (10, 11)
    assert baseline.features[10].verified is None
    assert baseline.features[1].label_ok is False


def test_rules_are_deterministic_and_others_unmeasured(make_run, decoder, shares):
    llm = ("openai:m", "p@1")
    assert make_baseline(make_run("rules", shares(3, 1)), decoder).noise == Noise(flip_rate=0.0, n=0)
    judged = make_run("judged", shares(3, 1), judge=llm)
    assert make_baseline(judged, decoder).noise is None
    assert make_baseline(judged, decoder, noise=Noise(flip_rate=0.1, n=50)).noise == Noise(flip_rate=0.1, n=50)


@given(arrays(np.float32, 16, elements=st.floats(-1e3, 1e3, width=32)))
def test_a_direction_survives_packing(row):
    packed = decode_direction(encode_direction(row))
    assert packed.shape == (16,)
    if np.linalg.norm(row) > 1e-3:
        assert cosine(packed, row.astype(np.float64)) > 0.999
        assert abs(np.linalg.norm(packed) - 1) < 1e-2


@pytest.mark.parametrize("row", [np.zeros(4), np.full(4, np.nan), np.full(4, np.inf)])
def test_what_is_no_direction_corresponds_to_nothing(row):
    packed = decode_direction(encode_direction(row))
    assert cosine(packed, np.ones(4)) == cosine(packed, packed) == 0.0
    assert cosine(np.ones(4), np.ones(5)) == 0.0


@pytest.mark.parametrize("text", ["not base64!", "AA==", "AAAA"])
def test_a_broken_direction_is_a_usage_error(text):
    with pytest.raises(UsageError, match="decoder direction"):
        decode_direction(text)


def broken(change):
    def make(path):
        raw = json.loads(path.read_text())
        change(raw)
        path.write_text(json.dumps(raw))

    return make


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda path: path.unlink(), "can't be read"),
        (lambda path: path.write_text("{"), "can't be read"),
        (lambda path: path.write_bytes(b"\xff\xfe"), "can't be read"),
        (lambda path: path.write_text("[" * 100_000), "can't be read"),
        (lambda path: path.write_text("[]"), "schema_version is None"),
        (broken(lambda raw: raw.update(schema_version=2)), "schema_version is 2, this autointerp reads 1"),
        (broken(lambda raw: raw.pop("hook_point")), "hook_point: Field required"),
        (broken(lambda raw: raw.update(extra=1)), "extra"),
        (broken(lambda raw: raw["features"].pop("3")), "feature 3"),
        (broken(lambda raw: raw["groups"]["random:5"]["features"].append(3)), "twice"),
    ],
)
def test_a_broken_file_is_a_usage_error(make_run, decoder, shares, tmp_path, damage, words):
    path = tmp_path / "baseline.json"
    write_baseline(make_baseline(make_run("run", shares(5, 2)), decoder), path)
    damage(path)
    with pytest.raises(UsageError, match=words) as caught:
        read_baseline(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("missing", ["labels", "sae", "labeler", "groups"])
def test_an_unfinished_run_makes_no_baseline(make_run, decoder, shares, missing):
    run = make_run("run", shares(5, 2))
    if missing == "labels":
        run.labels.unlink()
    elif missing == "groups":
        run.update(lambda manifest: manifest.config.clear())
    else:
        run.update(lambda manifest: setattr(manifest, missing, None))
    with pytest.raises(UsageError, match="autointerp label"):
        make_baseline(run, decoder)


def test_a_decoder_too_small_is_refused(make_run, decoder, shares):
    with pytest.raises(UsageError, match="the decoder has 3 rows"):
        make_baseline(make_run("run", shares(5, 2)), decoder[:3])
