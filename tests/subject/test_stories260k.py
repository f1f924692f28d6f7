"""A real model says what its author documented."""

from __future__ import annotations

import pytest
import torch

from autointerp.subject import load_subject

# llama2.c, doc/stories260K.md: temperature 0, no prompt.
DOCUMENTED = (
    "Once upon a time, there was a little girl named Lily. She loved to play outside in the park. "
    "One day, she saw a big, red ball. She wanted to play with it, but it was too high."
)


@pytest.mark.parametrize("weight_processing", ["raw", "compatibility"])
def test_greedy_text_is_the_documented_one(stories260k, weight_processing):
    subject = load_subject(str(stories260k), hook_point="blocks.2.hook_resid_post", weight_processing=weight_processing)
    ids = [subject.bos_id]
    text = ""
    while len(text) < len(DOCUMENTED):
        ids.append(int(subject.logits(torch.tensor([ids]))[0, -1].argmax()))
        text = "".join(subject.pieces(ids[1:])).removeprefix(" ")
    assert text == DOCUMENTED


def test_the_documented_text_is_tokenised_as_it_is_written(stories260k):
    subject = load_subject(str(stories260k), hook_point="blocks.2.hook_resid_post")
    assert "".join(subject.pieces(subject.encode(DOCUMENTED))) == f" {DOCUMENTED}"
    assert (subject.d_model, subject.d_vocab, subject.max_context, subject.bos_id) == (64, 512, 512, 1)
