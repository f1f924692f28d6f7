"""One training each by this project and its rivals, from the same vectors, with the same schedule.

A rival's finished SAE is written with its own code and read with ``sae.load``, so that all are measured by one program.
"""

from __future__ import annotations

import json
import logging
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import sae


@dataclass(frozen=True)
class Task:
    """What to train. All trainers minimise squared error plus ``l1`` times the features' length in the decoder."""

    architecture: str
    """``standard`` or ``topk``."""
    strength: float
    """``l1`` of a standard SAE, k of a topk one."""
    lr: float
    """Adam's peak learning rate."""
    d_sae: int
    batch_size: int
    warmup_steps: int
    """Steps over which the learning rate, and l1, rise."""
    decay: float
    """Last fraction of the steps, over which the learning rate falls to 0."""
    seed: int = 0

    def batches(self, vectors: Tensor) -> Iterator[Tensor]:
        """Cut vectors [n, d_in] into whole batches."""
        return iter(vectors[: self.n_steps(vectors) * self.batch_size].split(self.batch_size))

    def n_steps(self, vectors: Tensor) -> int:
        """Optimizer steps that vectors [n, d_in] suffice for."""
        return len(vectors) // self.batch_size

    def n_decay(self, vectors: Tensor) -> int:
        """Steps over which the learning rate falls."""
        return round(self.decay * self.n_steps(vectors))


def autointerp(vectors: Tensor, task: Task) -> sae.SAE:
    """Train with this project: a ReLU SAE with free decoder norms, everything else as ``TrainConfig`` has it."""
    family: dict[str, Any] = (
        {"k": int(task.strength)}
        if task.architecture == "topk"
        else {"l1_coefficient": task.strength, "l1_warmup_steps": task.warmup_steps, "decoder_norm": "free"}
    )
    config = sae.TrainConfig(
        n_tokens=len(vectors), architecture=task.architecture, d_sae=task.d_sae, batch_size=task.batch_size,
        lr=task.lr, lr_warmup_steps=task.warmup_steps, lr_decay=task.decay, seed=task.seed, log_every=10**6, **family,
    )  # fmt: skip
    return sae.train(task.batches(vectors), config).sae


def sae_lens(vectors: Tensor, task: Task) -> sae.SAE:
    """Train with SAELens's ``SAETrainer``."""
    from sae_lens import StandardTrainingSAE, StandardTrainingSAEConfig, TopKTrainingSAE, TopKTrainingSAEConfig
    from sae_lens.config import LoggingConfig, SAETrainerConfig
    from sae_lens.training.sae_trainer import SAETrainer

    torch.manual_seed(task.seed)
    sizes: dict[str, Any] = {"d_in": vectors.shape[1], "d_sae": task.d_sae, "normalize_activations": "none"}
    model: Any = (
        TopKTrainingSAE(TopKTrainingSAEConfig(k=int(task.strength), **sizes))
        if task.architecture == "topk"
        else StandardTrainingSAE(
            StandardTrainingSAEConfig(l1_coefficient=task.strength, l1_warm_up_steps=task.warmup_steps, **sizes)
        )
    )
    trainer = SAETrainer(
        SAETrainerConfig(
            total_training_samples=task.n_steps(vectors) * task.batch_size, train_batch_size_samples=task.batch_size,
            lr=task.lr, lr_end=task.lr, lr_warm_up_steps=task.warmup_steps, lr_decay_steps=task.n_decay(vectors),
            logger=LoggingConfig(log_to_wandb=False),
        ),
        model, iter(()),
    )  # fmt: skip
    for x in task.batches(vectors):
        trainer.step(x)
        trainer.n_training_steps += 1
    with tempfile.TemporaryDirectory() as folder:
        model.save_inference_model(folder)
        return sae.load(folder)


def dictionary_learning(vectors: Tensor, task: Task) -> sae.SAE:
    """Train with dictionary_learning's ``TopKTrainer``, or ``StandardTrainerAprilUpdate`` (free decoder norms)."""
    from dictionary_learning.trainers.standard import StandardTrainerAprilUpdate
    from dictionary_learning.trainers.top_k import TopKTrainer

    shared = _dictionary_learning(vectors, task)
    trainer: Any = (
        TopKTrainer(k=int(task.strength), **shared)
        if task.architecture == "topk"
        else StandardTrainerAprilUpdate(l1_penalty=task.strength, sparsity_warmup_steps=task.warmup_steps, **shared)
    )
    return _updated(trainer, vectors, task)


def dictionary_learning_unit_norm(vectors: Tensor, task: Task) -> sae.SAE:
    """Train with dictionary_learning's ``StandardTrainer`` (decoder norms of 1)."""
    from dictionary_learning.trainers.standard import StandardTrainer

    shared = _dictionary_learning(vectors, task)
    trainer = StandardTrainer(l1_penalty=task.strength, sparsity_warmup_steps=task.warmup_steps, **shared)
    return _updated(trainer, vectors, task)


def _dictionary_learning(vectors: Tensor, task: Task) -> dict[str, Any]:
    n_steps = task.n_steps(vectors)
    return {
        "steps": n_steps, "activation_dim": vectors.shape[1], "dict_size": task.d_sae, "layer": 0, "lm_name": "none",
        "lr": task.lr, "warmup_steps": task.warmup_steps, "decay_start": n_steps - task.n_decay(vectors),
        "device": "cpu", "seed": task.seed,
    }  # fmt: skip


def _updated(trainer: Any, vectors: Tensor, task: Task) -> sae.SAE:
    for step, x in enumerate(task.batches(vectors)):
        trainer.update(step, x)
    with tempfile.TemporaryDirectory() as folder:
        torch.save(trainer.ae.state_dict(), Path(folder) / "ae.pt")
        (Path(folder) / "config.json").write_text(json.dumps({"trainer": trainer.config}), encoding="utf-8")
        return sae.load(folder)


Train = Callable[[Tensor, Task], sae.SAE]
TRAINERS: dict[str, dict[str, Train]] = {
    "standard": {
        "autointerp": autointerp,
        "sae_lens": sae_lens,
        "dictionary_learning": dictionary_learning,
        "dictionary_learning (unit norm)": dictionary_learning_unit_norm,
    },
    "topk": {"autointerp": autointerp, "sae_lens": sae_lens, "dictionary_learning": dictionary_learning},
}
"""By architecture."""
logging.getLogger("sae_lens").setLevel(logging.ERROR)
