"""``--format delphi``: a cache of activations, and labels, that EleutherAI's delphi reads."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autointerp.errors import UsageError
from autointerp.export._folder import replace_folder
from autointerp.export._request import Parts, Request
from autointerp.export._rows import LabelRecord, label_records
from autointerp.export._text import public_name, storable
from autointerp.harvest import Firings, find_firings
from autointerp.run import Manifest, RunDirectory, read_table, replace_atomically, write_text

_LARGEST_HALF = float(np.finfo(np.float16).max)
_README = """\
A cache for EleutherAI's delphi, of {n_features} features on {n_windows} windows of {length} tokens.

    from delphi.latents import LatentDataset
    LatentDataset(raw_dir="latents", modules=["{hook_point}"], sampler_cfg=..., constructor_cfg=..., tokenizer=...)

- `latents/`: every activation of those features on those windows, exactly as this run counted them; {n_short} windows
  shorter than {length} tokens are left out, because delphi knows no padding, and so are BOS and the first positions,
  which count in no statistic.
- `explanations/`: the labels, for delphi's scorers with its explainer `none`; a feature whose question ended without an
  answer has none, and has to be left out there (`latents`).
- `log/hookpoint_firing_counts.pt`: how often every feature of the SAE fired in the whole run.
- delphi passes over a feature with fewer than 200 activating examples (`min_examples`), and draws its own examples to
  explain and to test; its scores are therefore not held out against these labels.
- `scores/` is not written: delphi's files hold a judgement on each of its own examples.
"""


def write_delphi(run: RunDirectory, out: Path, request: Request) -> Path:
    """Run the model over the full windows again, and write the selected features' activations as delphi caches them.

    The layout is that of EleutherAI/delphi at commit 3c2e139378b56ca02a632697b541a11aebf03855: ``latents/HOOKPOINT/
    START_END.safetensors`` (``delphi/latents/cache.py``, ``save_splits``; ``delphi/latents/loader.py`` reads it) with
    ``locations`` [n, 3] of window, position and feature less START, ``activations`` float16 [n] and ``tokens``
    [windows, length]; ``config.json`` beside it; ``explanations/HOOKPOINT_latentN.txt``, a JSON string each
    (``delphi/__main__.py``). Contexts alone would not do: where the file has no activation, delphi takes it for zero.

    Args:
        run: A labelled run.
        out: The folder.
        request: Has to open the run's inputs.

    Returns:
        The folder; on an error the old one is intact.

    Raises:
        UsageError: The run has no labels, no full window or no inputs, or the folder holds something else.
        MismatchError: The inputs are not those of the run.
    """
    records = {record.feature: record for record in label_records(run)}
    manifest = run.read_manifest()
    if request.parts is None or manifest.model is None or manifest.corpus is None:
        raise UsageError(f"{run.path}: --format delphi runs the model again, and the run does not name its inputs.")
    with replace_folder(out, form="delphi") as folder:  # a folder in the way is found before the work begins
        parts = request.parts()
        rows = np.flatnonzero(np.asarray(parts.windows.lengths) == parts.windows.context_length)
        if not len(rows):
            raise UsageError(
                f"{run.windows}: no window has all {parts.windows.context_length} tokens; delphi needs some."
            )
        with request.progress.stage("activations", "windows") as tick:
            firings = find_firings(
                run, list(records), rows, model=parts.model, subject=parts.subject, windows=parts.windows, progress=tick
            )
        hook_point = manifest.model.hook_point
        cache = folder / "latents" / hook_point
        cache.mkdir(parents=True)
        _write_latents(cache, firings, rows, parts)
        write_text(cache / "config.json", json.dumps(_config(manifest, len(rows)), indent=4) + "\n")
        _write_explanations(folder / "explanations", hook_point, list(records.values()))
        _write_counts(folder / "log", hook_point, run)
        text = _README.format(
            n_features=len(records), n_windows=len(rows), length=parts.windows.context_length, hook_point=hook_point,
            n_short=parts.windows.n_windows - len(rows),
        )  # fmt: skip
        write_text(folder / "README.md", text)
    return out


def _write_latents(cache: Path, firings: Firings, rows: NDArray[np.int64], parts: Parts) -> None:
    """One file from the first feature to the last."""
    from safetensors.numpy import save_file

    locations = np.stack([np.searchsorted(rows, firings.window), firings.position, firings.feature], axis=1)  # [n, 3]
    fits = len(rows) <= 1 << 16 and parts.model.cfg.d_sae <= 1 << 16
    halves = firings.value.max(initial=0.0) <= _LARGEST_HALF
    tensors = {
        "locations": locations.astype(np.uint16 if fits else np.uint32),
        "activations": firings.value.astype(np.float16 if halves else np.float32),
        "tokens": np.asarray(parts.windows.tokens)[rows].astype(np.int64),
    }
    with replace_atomically(cache / f"0_{parts.model.cfg.d_sae - 1}.safetensors") as temporary:
        save_file(tensors, temporary)


def _config(manifest: Manifest, n_windows: int) -> dict[str, object]:
    """The fields of delphi's ``CacheConfig``, and ``model_name``, by which it finds the tokenizer."""
    assert manifest.model is not None
    assert manifest.corpus is not None
    return {
        "dataset_repo": public_name(manifest.corpus.name),
        "dataset_split": "",
        "dataset_name": "",
        "dataset_column": manifest.corpus.column or "text",
        "batch_size": 1,
        "cache_ctx_len": manifest.corpus.context_length,
        "n_tokens": n_windows * manifest.corpus.context_length,
        "n_splits": 1,
        "model_name": manifest.model.name,
    }


def _write_explanations(folder: Path, hook_point: str, records: list[LabelRecord]) -> None:
    """A file a labelled feature; one without an answer has none, so that nothing is scored in its place."""
    folder.mkdir()
    for record in records:
        if record.label:
            text = json.dumps(storable(record.label), ensure_ascii=False)
            write_text(folder / f"{hook_point}_latent{record.feature}.txt", text)


def _write_counts(folder: Path, hook_point: str, run: RunDirectory) -> None:
    import torch

    table = read_table(run.features, columns=["feature", "n_active"]).sort_by("feature")
    folder.mkdir()
    with replace_atomically(folder / "hookpoint_firing_counts.pt") as temporary:
        torch.save({hook_point: torch.tensor(table["n_active"].to_pylist())}, temporary)
