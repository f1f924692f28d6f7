"""``train``: an SAE from a config file."""

from __future__ import annotations

from pathlib import Path

from autointerp.errors import UsageError
from autointerp.run import Progress
from autointerp.train import TrainingConfig, train_sae
from sae import SAE


def train(
    config: str | Path | TrainingConfig, out: str | Path | None = None, *, progress: Progress | None = None
) -> SAE:
    """Train an SAE and save it in SAELens's format.

    Args:
        config: A TOML file, or its content as ``TrainingConfig``.
        out: Folder for the SAE (default: the config file's name without its suffix).
        progress: Listener.

    Returns:
        The trained SAE.

    Raises:
        UsageError: The config, model, hook point or corpus can't be used, or ``out`` holds something else.
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
    if (folder / "cfg.json").exists():
        raise UsageError(f"{folder}: an SAE is already there. Choose another --out, or remove it.")
    return train_sae(config, folder, progress)
