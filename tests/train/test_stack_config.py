"""``[[stages]]`` in the TOML file."""

from __future__ import annotations

from pathlib import Path

import pytest

from autointerp.errors import UsageError
from autointerp.train import StackConfig, TrainingConfig, read_training
from autointerp.train._stack_config import OWN, SHARED, StageConfig

TOP = 'hook_point = "blocks.0.hook_resid_post"\n'


def read(folder: Path, text: str) -> StackConfig:
    path = folder / "stack.toml"
    path.write_text(TOP + text, encoding="utf-8")
    config = read_training(path)
    assert isinstance(config, StackConfig)
    return config


def test_stages_take_from_the_top_what_they_do_not_say(tmp_path: Path) -> None:
    config = read(
        tmp_path,
        'expansion = 2\nl1_coefficient = 1.0\n[[stages]]\n[[stages]]\nreads = "residual"\nl1_coefficient = 0.5\n'
        'n_train = 5000\n[[stages]]\nreads = "x"\nd_sae = 30\narchitecture = "topk"\nk = 3\n',
    )
    first, second, third = config.stages
    assert (first.reads, first.expansion, first.l1_coefficient, first.n_train) == ("x", 2, 1.0, None)
    assert (second.reads, second.expansion, second.l1_coefficient, second.n_train) == ("residual", 2, 0.5, 5000)
    assert (third.reads, third.d_sae, third.architecture, third.k) == ("x", 30, "topk", 3)
    assert {stage.hook_point for stage in config.stages} == {"blocks.0.hook_resid_post"}


def test_an_expansion_replaces_a_d_sae_at_the_top(tmp_path: Path) -> None:
    first, second = read(tmp_path, 'd_sae = 30\n[[stages]]\n[[stages]]\nreads = "x"\nexpansion = 4\n').stages
    assert (first.d_sae, second.d_sae, second.expansion) == (30, None, 4)


def test_what_only_stages_have_need_not_stand_at_the_top(tmp_path: Path) -> None:
    config = read(tmp_path, 'architecture = "topk"\n[[stages]]\nk = 2\n[[stages]]\nreads = "residual"\nk = 4\n')
    assert [stage.k for stage in config.stages] == [2, 4]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("stages = []", "a table [[stages]] for each stage"),
        ("stages = 2", "a table [[stages]] for each stage"),
        ("[[stages]]\n[[stages]]", "stage 2, reads: is missing"),
        ('[[stages]]\n[[stages]]\nreads = "y"', "stage 2, reads: Input should be"),
        ("[[stages]]\nlr = -1", "stage 1, lr: Input should be greater than 0 (Adam's peak learning rate)"),
        ("[[stages]]\nexpansoin = 2", "stage 1, expansoin: Extra inputs"),
        ('[[stages]]\ncorpus = "python"', "stage 1, corpus: stands at the top"),
        ('[[stages]]\n[[stages]]\nreads = "residual"\narchitecture = "topk"', "stage 2: a topk SAE needs k"),
        ('[[stages]]\n[[stages]]\nreads = "x"\nexpansion = 2\nd_sae = 4', "stage 2: give either d_sae or expansion"),
    ],
)
def test_what_is_wrong_is_named_with_the_stage_and_the_file(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as refused:
        read(tmp_path, text)
    assert said.lower() in str(refused.value).lower()
    assert str(refused.value).startswith(str(tmp_path / "stack.toml"))


def test_what_is_wrong_at_the_top_is_said_once(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as refused:
        read(tmp_path, 'lr = -1\n[[stages]]\n[[stages]]\nreads = "x"\n[[stages]]\nreads = "x"\n')
    said = str(refused.value).split(". Fields at the top:")[0]
    assert said.count("lr:") == 1
    assert "stage" not in said.split("stack.toml")[1]
    with pytest.raises(UsageError, match=r"^hook_point: Field required[^;]*$"):
        StackConfig.of({"stages": [{}, {"reads": "x"}]})


def test_every_field_is_a_stages_own_or_shared() -> None:
    assert set(SHARED) | OWN == set(StageConfig.model_fields)
    assert not set(SHARED) & OWN
    assert all(field.description for field in StageConfig.model_fields.values())


def test_stages_made_in_python_share_what_they_have_to() -> None:
    one = StageConfig(hook_point="h", reads="x")
    with pytest.raises(ValueError, match="corpus: all stages read the same"):
        StackConfig(stages=(one, one.model_copy(update={"corpus": "other.txt"})))


def test_a_file_without_stages_is_one_sae(tmp_path: Path) -> None:
    path = tmp_path / "one.toml"
    path.write_text(TOP)
    assert type(read_training(path)) is TrainingConfig
