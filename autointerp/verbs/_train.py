"""``train``: an SAE from a config file."""

from __future__ import annotations

from pathlib import Path

from autointerp.errors import UsageError
from autointerp.run import Progress
from autointerp.train import TrainingConfig, train_sae
from sae import SAE


def train(
    config: str | Path | TrainingConfig,
    out: str | Path | None = None,
    *,
    resume: bool = False,
    progress: Progress | None = None,
) -> SAE:
    """Train an SAE, save it in SAELens's format, and evaluate it on text that it has not seen.

    Args:
        config: A TOML file, or its content as ``TrainingConfig``.
        out: Folder for the SAE (default: the config file's name without its suffix). Beside the weights lie the
            metrics (``metrics.csv``, ``metrics.parquet``, ``training.jsonl``) and ``evaluation.json``.
        resume: Go on with the training in ``out``, from its last checkpoint, however it was stopped; start it if there
            is none. The weights are the same as without the stop.
        progress: Listener.

    Returns:
        The trained SAE.

    Raises:
        UsageError: The config, model, hook point or corpus can't be used, or ``out`` holds something else.
        MismatchError: ``resume``, and the training in ``out`` has another config or model.
    """
    if not isinstance(config, TrainingConfig):
        path = Path(config)
        out = path.with_suffix("") if out is None else out
        config = TrainingConfig.read(path)
    if out is None:
        raise UsageError("--out: name the folder for the SAE.")
    folder = Path(out)
    if folder.is_file():
        raise UsageError(f"{folder}: is a file. Choose another --out.")
    return train_sae(config, folder, progress, resume=resume)
