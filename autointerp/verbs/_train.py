"""``train``: an SAE, or several in a row, from a config file."""

from __future__ import annotations

from pathlib import Path

from autointerp.errors import UsageError
from autointerp.run import Progress
from autointerp.train import StackConfig, TrainingConfig, read_training, train_sae, train_stack
from sae import SAE


def train(
    config: str | Path | TrainingConfig | StackConfig,
    out: str | Path | None = None,
    *,
    resume: bool = False,
    progress: Progress | None = None,
) -> SAE:
    """Train an SAE, save it in SAELens's format, and evaluate it on text that it has not seen.

    With ``[[stages]]`` in the config it is a stack: each stage learns what the frozen ones before it leave.

    Args:
        config: A TOML file, or its content as ``TrainingConfig`` or ``StackConfig``.
        out: Folder for the SAE (default: the config file's name without its suffix). Beside the weights lie the
            metrics (``metrics.csv``, ``metrics.parquet``, ``training.jsonl``) and ``evaluation.json``. A stack's stages
            lie in folders of their own, each with its metrics.
        resume: Go on with the training in ``out``, from its last checkpoint, however it was stopped; start it if there
            is none. The weights are the same as without the stop. More stages may be added to a stack.
        progress: Listener.

    Returns:
        The trained SAE; a ``sae.stack.StackedSAE`` where there are stages.

    Raises:
        UsageError: The config, model, hook point or corpus can't be used, or ``out`` holds something else.
        MismatchError: ``resume``, and the training in ``out`` has another config or model.
    """
    if not isinstance(config, TrainingConfig | StackConfig):
        path = Path(config)
        out = path.with_suffix("") if out is None else out
        config = read_training(path)
    if out is None:
        raise UsageError("--out: name the folder for the SAE.")
    folder = Path(out)
    if folder.is_file():
        raise UsageError(f"{folder}: is a file. Choose another --out.")
    if isinstance(config, StackConfig):
        return train_stack(config, folder, progress, resume=resume)
    return train_sae(config, folder, progress, resume=resume)
