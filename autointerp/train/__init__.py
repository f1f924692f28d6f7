"""Training an SAE on a subject model's activations."""

from autointerp.train._activations import stream_activations
from autointerp.train._config import TrainingConfig
from autointerp.train._train import train_sae

__all__ = ["TrainingConfig", "stream_activations", "train_sae"]
