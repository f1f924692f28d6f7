"""Training an SAE on a subject model's activations."""

from autointerp.train._activations import stream_activations
from autointerp.train._cache import ActivationCache, cache_activations
from autointerp.train._config import TrainingConfig
from autointerp.train._evaluation import evaluate_sae
from autointerp.train._folder import EVALUATION_FILE
from autointerp.train._stack import train_stack
from autointerp.train._stack_config import StackConfig, StageConfig, read_training
from autointerp.train._sweep import train_sweep
from autointerp.train._sweep_config import SweepConfig
from autointerp.train._train import train_sae

__all__ = [
    "EVALUATION_FILE",
    "ActivationCache",
    "StackConfig",
    "StageConfig",
    "SweepConfig",
    "TrainingConfig",
    "cache_activations",
    "evaluate_sae",
    "read_training",
    "stream_activations",
    "train_sae",
    "train_stack",
    "train_sweep",
]
