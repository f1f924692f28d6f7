"""Training an SAE on a subject model's activations."""

from autointerp.train._activations import stream_activations
from autointerp.train._cache import ActivationCache, cache_activations
from autointerp.train._config import TrainingConfig
from autointerp.train._evaluation import evaluate_sae
from autointerp.train._sweep import train_sweep
from autointerp.train._sweep_config import SweepConfig
from autointerp.train._train import EVALUATION_FILE, train_sae

__all__ = [
    "EVALUATION_FILE",
    "ActivationCache",
    "SweepConfig",
    "TrainingConfig",
    "cache_activations",
    "evaluate_sae",
    "stream_activations",
    "train_sae",
    "train_sweep",
]
