"""``autointerp export`` on a real run: each format is written, named on stdout, and never in another's place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file

from autointerp.corpus import Windows

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("form", ["csv", "jsonl", "neuronpedia", "hf", "junit", "markdown"])
def test_every_format_prints_the_path_it_wrote(command, small_run: Path, tmp_path: Path, form: str) -> None:
    out = tmp_path / "out"
    for _ in range(2):  # the second time over the first
        ended = command("export", small_run, "--format", form, "--out", out)
        assert (ended.code, ended.out) == (0, f"{out}\n")
    assert out.exists()


def test_a_folder_that_holds_something_else_is_refused(command, small_run: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    ended = command("export", small_run, "--format", "hf", "--out", tmp_path)
    assert (ended.code, ended.out) == (2, "")
    assert "thesis.tex" in ended.err
    assert "Traceback" not in ended.err


def test_the_delphi_cache_has_every_activation_of_the_full_windows(command, small_run: Path, tmp_path: Path) -> None:
    ended = command("export", small_run, "--format", "delphi", "--out", tmp_path / "cache")
    assert ended.code == 0
    assert "activations" in ended.err
    (path,) = (tmp_path / "cache" / "latents").glob("*/*.safetensors")
    data, windows = load_file(path), Windows.open(small_run / "windows")
    full = np.flatnonzero(windows.lengths == windows.context_length)
    assert (data["tokens"] == windows.tokens[full]).all()
    places = map(tuple, data["locations"].tolist())
    found = dict(zip(places, data["activations"].tolist(), strict=True))
    contexts = pd.read_parquet(small_run / "contexts.parquet")
    contexts = contexts[contexts["window"].isin(full)]
    assert len(contexts) > 500
    for context in contexts.itertuples():
        first = context.position - context.peak
        for position, value in enumerate(context.activations, first):
            if position >= 2:  # BOS and the first position count in no statistic
                place = (int(np.searchsorted(full, context.window)), position, context.feature)
                assert found.get(place, 0.0) == pytest.approx(value, rel=2e-3, abs=2e-3)
    fired = np.bincount(data["locations"][:, 2], minlength=len(pd.read_parquet(small_run / "features.parquet")))
    n_active = pd.read_parquet(small_run / "features.parquet").sort_values("feature")["n_active"].to_numpy()
    chosen = np.unique(contexts["feature"])
    assert (fired[chosen] <= n_active[chosen]).all()
    assert fired[chosen].sum() > 0.5 * n_active[chosen].sum()
