from __future__ import annotations

import json

import pyarrow.parquet as pq
import pytest
import yaml

from autointerp.export import write_export
from autointerp.export._text import public_name

STRANGE = '=1,"\r\n\x00\u202e\u2028</script>]]>\U0001f469\u200d\U0001f4bb'
datasets = pytest.importorskip("datasets")


@pytest.fixture
def exported(whole_run, label_row, tmp_path):
    run = whole_run([label_row(2, "x"), label_row(3, STRANGE)], tokens=[STRANGE, "b"])
    return run, write_export(run, "hf", out=tmp_path / "hf")


def front_matter(card: str) -> dict[str, object]:
    return yaml.safe_load(card.split("---\n")[1])


def test_datasets_opens_every_table_offline(exported, tmp_path):
    run, out = exported
    tables = {"labels": run.labels, "features": run.features, "scores": run.scores, "contexts": run.contexts}
    assert set(datasets.get_dataset_config_names(str(out))) == {*tables, "groups"}
    for name, source in tables.items():
        loaded = datasets.load_dataset(str(out), name, cache_dir=str(tmp_path / "cache"))["train"]
        assert loaded.to_list() == pq.read_table(source).to_pylist()
    groups = datasets.load_dataset(str(out), "groups", cache_dir=str(tmp_path / "cache"))["train"]
    assert groups.to_list() == [{"group": "random:2", "feature": 2}, {"group": "random:2", "feature": 3}]
    default = datasets.load_dataset(str(out), cache_dir=str(tmp_path / "cache"))["train"]
    assert default["label"][:] == ["x", STRANGE]


def test_the_card_has_tags_and_numbers_and_leaves_the_license_to_its_owner(exported):
    card = (exported[1] / "README.md").read_text()
    head = front_matter(card)
    assert head["tags"][:2] == ["sparse-autoencoder", "interpretability"]
    assert head["pretty_name"] == "named"
    assert "license" not in head
    assert "| random:2 | label | 1 of 2, 50.0 % [9.4 %, 90.5 %] |" in card
    assert "- text: python, 900 tokens" in card
    assert "- model: EleutherAI/pythia-70m at blocks.3.hook\\_resid\\_post" in card
    assert "- labeler: openai:m, prompt label\\@1" in card


def test_no_path_of_the_machine_leaves_with_it(exported):
    _, out = exported
    assert json.loads((out / "summary.json").read_text())["sae"] == "mine"
    assert not [path for path in out.rglob("*") if path.is_file() and b"/home/someone" in path.read_bytes()]


def test_a_run_that_is_not_scored_has_fewer_tables_and_says_so(whole_run, label_row):
    run = whole_run([label_row(2, "x")])
    run.scores.unlink()
    run.summary.unlink()
    out = write_export(run, "hf")
    card = (out / "README.md").read_text()
    assert [config["config_name"] for config in front_matter(card)["configs"]] == [
        "labels", "features", "contexts", "groups",
    ]  # fmt: skip
    assert "Not scored yet." in card
    assert not (out / "summary.json").exists()


@pytest.mark.parametrize(
    ("name", "public"),
    [("/home/me/saes/x", "x"), ("~/saes/x", "x"), ("../x", "x"), ("a/b", "a/b"), ("hf:a/b:train", "hf:a/b:train")],
)
def test_a_name_of_a_hub_stays_and_a_path_loses_its_folders(name, public):
    assert public_name(name) == public
