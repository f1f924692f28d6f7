"""Ids of plain text, the text of ids, and which special tokens there are."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autointerp.errors import UsageError
from autointerp.subject import load_subject

HOOK = "blocks.1.hook_resid_pre"


@pytest.fixture(scope="module")
def subjects(model_folder):
    return {name: load_subject(str(model_folder(name)), hook_point=HOOK) for name in ("gpt2", "neox", "llama", "bert")}


def test_special_tokens_are_the_tokenizers_own(subjects):
    gpt2, neox, llama, bert = (subjects[name] for name in ("gpt2", "neox", "llama", "bert"))
    assert gpt2.pieces([gpt2.bos_id]) == ["<|endoftext|>"]
    assert gpt2.pad_id == gpt2.bos_id
    assert neox.bos_id is None  # transformer_lens would have said <|endoftext|>
    assert neox.pad_id == 0
    assert llama.pieces([llama.bos_id, llama.pad_id]) == ["<s>", "<pad>"]
    assert bert.pieces([bert.bos_id, bert.pad_id]) == ["[CLS]", "[PAD]"]


@settings(deadline=None)
@given(text=st.text(max_size=60))
def test_ascii_pieces_join_to_the_text_and_nothing_special_is_added(subjects, text):
    subject = subjects["llama"]
    ids = subject.encode(text)
    assert not {subject.bos_id, subject.pad_id}.intersection(ids)
    joined = "".join(subject.pieces(ids))
    if text.isascii():
        assert joined == text
    else:  # characters cut into several tokens show as U+FFFD
        assert [c for c in joined if c.isascii()] == [c for c in text if c.isascii()]


def test_byte_level_pieces(subjects):
    subject = subjects["gpt2"]
    assert "".join(subject.pieces(subject.encode("the lazy dog\n"))) == "the lazy dog\n"
    assert " l" in subject.pieces(subject.encode("the lazy dog"))
    assert set(subject.pieces(subject.encode("\u6f22"))) == {"\ufffd"}


def test_wordpiece_pieces(subjects):
    subject = subjects["bert"]
    pieces = subject.pieces(subject.encode("The girl, jumped"))
    assert pieces[:3] == [" the", " girl", " ,"]
    assert "".join(pieces) == " the girl , jumped"


def test_metaspace_pieces_and_byte_fallback(model_folder, tmp_path):
    from tokenizers import Tokenizer, decoders, models, normalizers
    from transformers import PreTrainedTokenizerFast

    from autointerp.subject._pieces import vocabulary_pieces

    vocabulary = {"<unk>": 0, "<s>": 1, "<0x0A>": 2, "<0xC3>": 3, "▁the": 4, "cat": 5, "▁": 6}
    tokenizer = Tokenizer(models.BPE(vocabulary, [], byte_fallback=True, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    wrapped = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", unk_token="<unk>")
    assert vocabulary_pieces(wrapped, 8) == ["<unk>", "<s>", "\n", "\ufffd", " the", "cat", " ", "<id 7>"]


def test_text_that_looks_like_a_special_token_is_text(subjects):
    for name, text in [("gpt2", "a<|endoftext|>b"), ("llama", "a<s>b</s>")]:
        subject = subjects[name]
        ids = subject.encode(text)
        assert subject.bos_id not in ids
        assert "".join(subject.pieces(ids)) == text


def test_ids_past_the_tokenizer_and_past_the_model(subjects):
    assert subjects["gpt2"].pieces([319]) == ["<id 319>"]
    with pytest.raises(UsageError, match="token id 320 is outside the vocabulary of 320"):
        subjects["gpt2"].pieces([0, 320])
    with pytest.raises(UsageError, match="token id -1 "):
        subjects["gpt2"].pieces([-1])
