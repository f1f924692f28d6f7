"""Every kind of corpus is read as documented, and every bad one is refused with what to do."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from autointerp.corpus import open_corpus
from autointerp.errors import UsageError


def texts(spec, **options):
    return [document.text for document in open_corpus(str(spec), **options).documents()]


def refusal(spec, **options):
    with pytest.raises(UsageError) as caught:
        texts(spec, **options)
    return str(caught.value)


@pytest.fixture
def file(tmp_path):
    """Writes a file and gives its path."""

    def write(name: str, content: bytes | str):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


# --- plain text


def test_a_text_file_is_one_document(file):
    path = file("a.txt", b"\xef\xbb\xbfone\r\ntwo \xc3\xa9\n")
    (document,) = open_corpus(str(path)).documents()
    assert (document.text, document.source, document.kind) == ("one\ntwo \u00e9\n", "a.txt", "text")


def test_separators_cut_a_text_file_and_lines_are_named(file):
    path = file("a.txt", "first\nstory\n<|endoftext|>\nsecond\n<|endoftext|>\n \n<|endoftext|>third<|endoftext|>")
    corpus = open_corpus(str(path))
    assert [(d.text, d.source) for d in corpus.documents()] == [
        ("first\nstory", "a.txt:1"),
        ("second", "a.txt:4"),
        ("third", "a.txt:7"),
    ]
    assert corpus.notes == ["2 documents were empty, and skipped."]


def test_a_folder_of_text_files(file, tmp_path):
    file("b.txt", "second")
    file("a/c.txt", "first")
    file("notes.md", "not taken")
    assert [(d.text, d.source) for d in open_corpus(str(tmp_path)).documents()] == [
        ("first", "a/c.txt"),
        ("second", "b.txt"),
    ]


def test_repetitions_are_kept_once_and_counted(file):
    path = file("a.txt", "x y<|endoftext|>z<|endoftext|>x y<|endoftext|>x y")
    corpus = open_corpus(str(path))
    assert [d.text for d in corpus.documents()] == ["x y", "z"]
    assert corpus.notes == ["2 documents were a repetition of an earlier one, and skipped."]
    assert len(list(corpus.documents())) == 2  # reads anew
    assert len(corpus.notes) == 1


def test_a_few_broken_bytes_are_replaced_and_counted(file):
    path = file("a.txt", b"caf\xe9 is a place to drink coffee")
    corpus = open_corpus(str(path))
    assert [d.text for d in corpus.documents()] == ["caf\ufffd is a place to drink coffee"]
    assert corpus.notes == ["1 document was not wholly valid Unicode; what was not was replaced by U+FFFD."]


def test_replacement_characters_of_the_text_itself_are_no_breakage(file):
    corpus = open_corpus(str(file("a.txt", "\ufffd" * 50)))
    assert len(list(corpus.documents())) == 1
    assert corpus.notes == []


def test_what_is_not_text_is_refused(file):
    assert "holds NUL bytes" in refusal(file("a.txt", b"PK\x03\x04\x00\x00"))
    assert "holds NUL bytes" in refusal(file("b.txt", "text".encode("utf-16")))
    assert "are not UTF-8" in refusal(file("c.txt", b"\xff\xfe\xfd" * 40))


@pytest.mark.parametrize("content", ["", " \n\t ", "<|endoftext|>\n<|endoftext|>"])
def test_a_corpus_without_any_text_is_refused(file, content):
    assert "no document holds any text" in refusal(file("a.txt", content))


def test_paths_that_do_not_work(file, tmp_path):
    assert "no such file. Give 'python', a .txt" in refusal(tmp_path / "none.txt")
    assert "'.csv' are not taken. Give 'python', a .txt" in refusal(file("a.csv", "text\n"))
    assert "'nothing' are not taken" in refusal(file("plain", "text\n"))
    (tmp_path / "empty").mkdir()
    assert "without .txt files" in refusal(tmp_path / "empty")


def test_a_column_where_there_are_none(file):
    assert "has no columns" in refusal(file("a.txt", "x"), column="text")
    assert "has no columns" in refusal("python", column="text")


# --- JSON lines


def test_jsonl(file):
    path = file("a.jsonl", '\ufeff{"text": "one", "n": 1}\n\n{"n": 2, "text": "zw\\u00f6lf"}\n{"text": " "}\n')
    corpus = open_corpus(str(path))
    assert [(d.text, d.source) for d in corpus.documents()] == [("one", "a.jsonl:1"), ("zw\u00f6lf", "a.jsonl:3")]
    assert corpus.notes == ["1 document was empty, and skipped."]
    assert texts(file("b.JSONL", '{"story": "yes"}'), column="story") == ["yes"]


def test_jsonl_with_broken_text(file):
    path = file("a.jsonl", b'{"text": "half a \\ud83d pair"}\n{"text": "caf\xe9 and more"}\n{"text": "\\ud83d\\ude00"}')
    corpus = open_corpus(str(path))
    assert [d.text for d in corpus.documents()] == ["half a \ufffd pair", "caf\ufffd and more", "\U0001f600"]
    assert corpus.notes[0].startswith("2 documents were not wholly valid Unicode")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('{"body": "x", "id": 1}', "no column 'text'; there are 'body', 'id'. Name one with --column"),
        ('{"text": ', "not a line of JSON"),
        ("[1, 2]", "list where an object belongs"),
        ('{"text": 5}', "'text' is int, not a string"),
        ('{"text": null}', "'text' is NoneType, not a string"),
        ("[" * 100_000, "not a line of JSON"),
    ],
)
def test_bad_lines_are_named(file, line, expected):
    path = file("a.jsonl", '{"text": "fine"}\n\n' + line + "\n")
    message = refusal(path)
    assert f"{path}:3: " in message
    assert expected in message


# --- Parquet


def test_parquet(tmp_path):
    path = tmp_path / "a.parquet"
    pd.DataFrame({"text": ["one", None, "", "two"], "n": [1, 2, 3, 4]}).to_parquet(path)
    corpus = open_corpus(str(path))
    assert [(d.text, d.source) for d in corpus.documents()] == [("one", "a.parquet:1"), ("two", "a.parquet:4")]
    assert corpus.notes == ["2 documents were empty, and skipped."]
    assert "no column 'body'; there are 'text', 'n'" in refusal(path, column="body")
    assert "column 'n' holds int64, not strings" in refusal(path, column="n")


def test_parquet_with_repeated_values_in_a_dictionary(tmp_path):
    path = tmp_path / "a.parquet"
    pd.DataFrame({"text": pd.Categorical(["one", "two", "one"])}).to_parquet(path)
    assert texts(path) == ["one", "two"]


def test_broken_parquet(file):
    assert "can't be read as Parquet" in refusal(file("a.parquet", b"PAR1 nonsense"))


# --- the hub


@pytest.fixture
def hub(monkeypatch):
    """A hub with one data set, reached without a network; gives the calls it got."""
    import datasets
    import huggingface_hub

    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    calls = []

    def dataset_info(api, name, *, timeout):
        if name != "stories":
            raise ConnectionError("couldn't reach it\nlong story")

    def load_dataset(name, config, *, split, streaming):
        calls.append((name, config, split, streaming))
        if split == "none":
            raise ValueError("Bad split: none")
        return iter([{"text": "one", "n": 1}, {"text": None, "n": 2}, {"text": "two", "n": 3}])

    monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", dataset_info)
    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    return calls


def test_a_data_set_on_the_hub(hub):
    assert [(d.text, d.source) for d in open_corpus("hf:stories").documents()] == [
        ("one", "stories:train:0"),
        ("two", "stories:train:2"),
    ]
    assert texts("hf:stories:validation") == texts("hf:stories:small:test") == ["one", "two"]
    assert hub == [
        ("stories", None, "train", True),
        ("stories", None, "validation", True),
        ("stories", "small", "test", True),
    ]


def test_what_the_hub_can_refuse(hub):
    message = refusal("hf:nobody/nothing")
    assert "ConnectionError: couldn't reach it)" in message
    assert "local file" in message
    assert "Bad split: none" in refusal("hf:stories:none")
    assert "no column 'body'; there are 'text', 'n'" in refusal("hf:stories", column="body")
    assert "column 'n' holds int" in refusal("hf:stories", column="n")
    for spec in ("hf:", "hf:a::b", "hf:a:b:c:d"):
        assert "write a data set as hf:NAME" in refusal(spec)


def test_offline_is_said_at_once(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(UsageError, match=r"HF_HUB_OFFLINE is set.*Unset it, or give a local file"):
        open_corpus("hf:stories")


# --- python


def test_the_python_corpus_has_text_of_four_kinds(monkeypatch):
    from autointerp.corpus import _open
    from autointerp.corpus._python import python_documents, stdlib_files

    few = [file for file in stdlib_files() if file[0] in {"textwrap.py", "bisect.py", "shlex.py"}]
    monkeypatch.setattr(_open, "python_documents", lambda: python_documents(few))
    corpus = open_corpus("python")
    documents = list(corpus.documents())
    assert {document.kind for document in documents} == {"topic", "docstring", "c_docstring", "source"}
    assert corpus.name.startswith("python-3.")
    assert len({document.digest for document in documents}) == len(documents)


def test_real_stories(tinystories):
    corpus = open_corpus(str(tinystories))
    assert sum(1 for _ in corpus.documents()) == 1060


def test_json_without_ascii_escapes_is_equal_to_json_with(file):
    text = "naïve \U0001f600 text"
    plain = file("a.jsonl", json.dumps({"text": text}, ensure_ascii=False))
    assert texts(plain) == texts(file("b.jsonl", json.dumps({"text": text})))
