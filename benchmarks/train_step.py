"""The training step against SAELens's, dictionary_learning's and sparsify's, interleaved in one process.

    python benchmarks/train_step.py [--d-in 768 --d-sae 6144 --batch 4096 --rounds 9 --device cpu --peak-tflops 989]

Every contender trains on the same batches, one step a round each, in turn; the ratio to SAELens is the median over
rounds. ReLU runs with a penalty that brings about 50 features a token, TopK with k = 32. Rivals that are not installed
are left out and named (an environment for them: ``pip install sae_lens dictionary-learning eai-sparsify``). Held-out
FVU after the same steps stands beside each speed; memory is what a step adds at its peak to the process (or GPU).
Beside that: the losses of ours and SAELens's from equal weights (``_equal_start``), what the shuffling buffer costs a
step, and on a GPU the share of its peak that the encoder's product reaches. Writes results/train_step.json.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import argparse
import ctypes
import ctypes.util
import gc
import importlib.metadata
import statistics
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import torch
from _equal_start import loss_curves, plain_l1
from _peak import achieved
from _results import write_result
from torch import Tensor

K = 32
BUFFERED_BATCHES = 16
"""Batches that the shuffling buffer holds while it is timed."""


class Contender(Protocol):
    """Something that trains."""

    def step(self, x: Tensor) -> None:
        """One optimizer step on [n, d_in]."""

    def reconstruct(self, x: Tensor) -> tuple[Tensor, float]:
        """Reconstructions, and L0."""


def activations(d_in: int, device: str) -> Callable[[int], Tensor]:
    """Sparse combinations of 8,192 unit directions with power-law frequencies, noise and a mean; norm sqrt(d_in).

    The seed is none that a training starts from: of the same one, an SAE's first decoder would be these directions.
    """
    generator = torch.Generator().manual_seed(8192)
    directions = torch.nn.functional.normalize(torch.randn(8192, d_in, generator=generator), dim=1)
    frequency = torch.arange(1, 8193).float().pow(-0.8)
    mean = torch.randn(d_in, generator=generator) * 0.3

    def draw(n: int) -> Tensor:
        chosen = torch.multinomial(frequency, n * 40, replacement=True, generator=generator).view(n, 40)
        strength = torch.empty(n, 40).exponential_(generator=generator)
        x = torch.zeros(n, d_in)
        for i in range(40):
            x.addcmul_(directions[chosen[:, i]], strength[:, i, None])
        x += mean + 0.02 * torch.randn(n, d_in, generator=generator)
        return (x * (d_in**0.5 / 6.5)).to(device)

    return draw


class Ours:
    """This project's trainer."""

    def __init__(
        self, sample: Tensor, options: argparse.Namespace, architecture: str, encoder_dtype: str, **changes: Any
    ) -> None:
        from sae import TrainConfig
        from sae.training import Trainer

        family = {"k": K, "l1_coefficient": 0.0} if architecture == "topk" else {"l1_coefficient": options.l1}
        self.step_number = 0
        self.trainer = Trainer(
            TrainConfig(
                n_tokens=options.batch * (options.steps + 2),  # memory is not measured in the last step, which logs
                d_sae=options.d_sae,
                batch_size=options.batch,
                architecture=architecture,
                encoder_dtype=encoder_dtype,
                lr=options.lr,
                lr_warmup_steps=0,
                lr_decay=0.0,
                normalise="none",
                b_dec_init="zero",
                device=options.device,
                **{"log_every": 10**6, **family, **changes},
            ),
            sample,
        )

    def step(self, x: Tensor) -> None:
        """One step."""
        self.trainer.step(x)

    def reconstruct(self, x: Tensor) -> tuple[Tensor, float]:
        """By the finished model."""
        from sae import SAEMetadata

        model = self.trainer.finish(SAEMetadata())
        features = model.encode(x)
        return model.decode(features), float((features > 0).sum()) / len(x)


class SAELens:
    """``SAETrainer.step`` of sae_lens."""

    def __init__(self, options: argparse.Namespace, architecture: str, *, norms_count: bool = True) -> None:
        from sae_lens import StandardTrainingSAE, StandardTrainingSAEConfig, TopKTrainingSAE, TopKTrainingSAEConfig
        from sae_lens.config import LoggingConfig, SAETrainerConfig
        from sae_lens.training.sae_trainer import SAETrainer

        sizes: dict[str, Any] = {"d_in": options.d_in, "d_sae": options.d_sae, "device": options.device}
        sizes |= {"decoder_init_norm": 1.0, "normalize_activations": "none"}
        self.sae = (
            TopKTrainingSAE(TopKTrainingSAEConfig(k=K, rescale_acts_by_decoder_norm=norms_count, **sizes))
            if architecture == "topk"
            else (StandardTrainingSAE if norms_count else plain_l1(StandardTrainingSAE))(
                StandardTrainingSAEConfig(l1_coefficient=options.l1, **sizes)
            )
        )
        n = options.batch * options.steps
        self.trainer = SAETrainer(
            SAETrainerConfig(
                total_training_samples=n, train_batch_size_samples=options.batch, lr=options.lr, lr_end=options.lr,
                device=options.device, logger=LoggingConfig(log_to_wandb=False),
            ),
            self.sae, iter(()),
        )  # fmt: skip

    def step(self, x: Tensor) -> None:
        """One step."""
        self.trainer.step(x)
        self.trainer.n_training_steps += 1

    def reconstruct(self, x: Tensor) -> tuple[Tensor, float]:
        """As in training."""
        features = self.sae.encode(x)
        return self.sae.decode(features), float((features > 0).sum()) / len(x)


class DictionaryLearning:
    """``trainer.update`` of dictionary_learning."""

    def __init__(self, options: argparse.Namespace, architecture: str) -> None:
        from dictionary_learning.trainers.standard import StandardTrainerAprilUpdate
        from dictionary_learning.trainers.top_k import TopKTrainer

        shared = {
            "steps": options.steps + 1, "activation_dim": options.d_in, "dict_size": options.d_sae, "layer": 0,
            "lm_name": "none", "lr": options.lr, "warmup_steps": 1, "device": options.device, "seed": 0,
        }  # fmt: skip
        self.trainer: Any = (
            TopKTrainer(k=K, **shared)
            if architecture == "topk"
            else StandardTrainerAprilUpdate(l1_penalty=options.l1, sparsity_warmup_steps=None, **shared)
        )
        self.n_steps = 0

    def step(self, x: Tensor) -> None:
        """One step."""
        self.trainer.update(self.n_steps, x)
        self.n_steps += 1

    def reconstruct(self, x: Tensor) -> tuple[Tensor, float]:
        """As in training."""
        features = self.trainer.ae.encode(x)
        return self.trainer.ae.decode(features), float((features > 0).sum()) / len(x)


class Sparsify:
    """What sparsify's trainer does with one batch of activations: forward, backward, projection, Adam, unit norm."""

    def __init__(self, options: argparse.Namespace, _architecture: str) -> None:
        from sparsify import SparseCoder
        from sparsify.config import SparseCoderConfig

        self.sae = SparseCoder(options.d_in, SparseCoderConfig(num_latents=options.d_sae, k=K), device=options.device)
        self.optimizer = torch.optim.Adam(self.sae.parameters(), lr=options.lr)

    def step(self, x: Tensor) -> None:
        """One step."""
        self.sae.set_decoder_norm_to_unit_norm()
        self.sae(x).fvu.backward()
        self.sae.remove_gradient_parallel_to_decoder_directions()
        self.optimizer.step()
        self.optimizer.zero_grad()

    def reconstruct(self, x: Tensor) -> tuple[Tensor, float]:
        """As in training."""
        return self.sae(x).sae_out, float(K)


def contenders(sample: Tensor, options: argparse.Namespace) -> tuple[dict[str, Contender], list[str]]:
    """All that can be made, SAELens first, and the names of packages that are missing."""
    made: dict[str, Contender] = {}
    missing = []
    for package, kind in (("sae_lens", SAELens), ("dictionary_learning", DictionaryLearning), ("sparsify", Sparsify)):
        for architecture in options.architectures:
            if package == "sparsify" and architecture != "topk":
                continue
            try:
                made[f"{package} {architecture}"] = kind(options, architecture)
            except ImportError:
                missing.append(package)
    for architecture in options.architectures:
        for dtype in ("float32", "bfloat16"):
            made[f"autointerp {architecture} {dtype}"] = Ours(sample, options, architecture, dtype)
    return made, sorted(set(missing))


def peak_mib(contender: Contender, x: Tensor) -> float:
    """What a step adds at its peak to the resident memory (Linux), or to what is allocated on the GPU, in MiB."""
    gc.collect()
    if x.is_cuda:
        torch.cuda.reset_peak_memory_stats()
        allocated = torch.cuda.memory_allocated()
        contender.step(x)
        return (torch.cuda.max_memory_allocated() - allocated) / 2**20
    if libc := ctypes.util.find_library("c"):
        ctypes.CDLL(libc).malloc_trim(0)  # what earlier steps freed is not there to be used again
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # resets the peak
    before = _status("VmRSS")
    contender.step(x)
    return (_status("VmHWM") - before) / 1024


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1])


def measured(contender: Contender, held_out: Tensor) -> dict[str, float]:
    """FVU and L0 on held-out vectors."""
    with torch.no_grad():
        reconstruction, l0 = contender.reconstruct(held_out)
    error, variance = (reconstruction - held_out).square().sum(), (held_out - held_out.mean(dim=0)).square().sum()
    return {"fvu": round(float(error / variance), 4), "l0": round(l0, 1)}


def timed(contender: Contender, x: Tensor, device: str) -> float:
    """Seconds of one step."""
    if device == "cuda":
        torch.cuda.synchronize()
    started = time.perf_counter()
    contender.step(x)
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - started


def equal_start(draw: Callable[[int], Tensor], options: argparse.Namespace) -> dict[str, object] | str:
    """The curves of ours and SAELens's by architecture, or why there are none."""
    curves: dict[str, object] = {}
    for architecture in options.architectures:
        try:
            theirs = SAELens(options, architecture, norms_count=False)
        except ImportError:
            return "sae_lens is not installed"
        changes = {"log_every": 1, "decoder_norm": "unpenalised"}
        ours = Ours(draw(8192), options, architecture, "float32", **changes)
        curves[architecture] = loss_curves(
            ours.trainer, theirs.trainer, lambda: draw(options.batch), min(options.curve_steps, options.steps)
        )
    return curves


def buffer_seconds(draw: Callable[[int], Tensor], options: argparse.Namespace) -> float:
    """Median time that the shuffling buffer needs to take a batch in and give one out; drawing is not timed."""
    from sae import ActivationBuffer

    fresh = draw(options.batch)
    source = (fresh for _ in range(BUFFERED_BATCHES + 20))
    taken = []
    batches_out = iter(
        ActivationBuffer(source, capacity=BUFFERED_BATCHES * options.batch, batch_size=options.batch, seed=0)
    )
    next(batches_out)
    for _ in range(15):
        started = time.perf_counter()
        next(batches_out)
        if options.device == "cuda":
            torch.cuda.synchronize()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def batches(draw: Callable[[int], Tensor], n: int) -> Iterator[Tensor]:
    """Fresh batches; drawing them is not timed."""
    while True:
        yield draw(n)


def main() -> None:
    """Interleave, print the table, write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("--d-in", 768), ("--d-sae", 6144), ("--batch", 4096), ("--steps", 50), ("--rounds", 9)):
        parser.add_argument(name, type=int, default=default)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--l1", type=float, default=7.5)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--curve-steps", type=int, default=31, help="steps of the loss curves from equal weights")
    parser.add_argument("--peak-tflops", type=float, help="peak of a GPU that is not known by its name")
    parser.add_argument("--architectures", nargs="+", default=["standard", "topk"])
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    torch.manual_seed(0)
    draw = activations(options.d_in, options.device)
    made, missing = contenders(draw(8192), options)
    seconds: dict[str, list[float]] = {name: [] for name in made}
    memory: dict[str, float] = {}
    stream = batches(draw, options.batch)
    for step in range(options.steps):
        x = next(stream)
        late = step >= options.steps - options.rounds  # trained a while: then features are as sparse as they get
        for name, contender in made.items():
            took = timed(contender, x, options.device)
            if late:
                seconds[name].append(took)
    for name, contender in made.items():
        memory[name] = peak_mib(contender, x)
    held_out = draw(4096)
    buffer_s = buffer_seconds(draw, options)
    rows: list[dict[str, Any]] = []
    for name, contender in made.items():
        reference = seconds.get(f"sae_lens {name.split()[1]}")
        ratio = statistics.median(a / b for a, b in zip(reference, seconds[name], strict=True)) if reference else None
        rows.append({
            "name": name,
            "seconds_a_step": round(statistics.median(seconds[name]), 4),
            "times_sae_lens": ratio and round(ratio, 2),
            "peak_mib": round(memory[name]),
            **measured(contender, held_out),
        })  # fmt: skip
        if name.startswith("autointerp"):
            rows[-1]["buffer_share"] = round(buffer_s / rows[-1]["seconds_a_step"], 4)
            if options.device == "cuda":
                dtype = name.split()[2]
                rows[-1] |= achieved(
                    rows[-1]["seconds_a_step"], batch=options.batch, d_in=options.d_in, d_sae=options.d_sae,
                    dtype=dtype, stated=options.peak_tflops,
                )  # fmt: skip
                print("{name:32} {encoder_tflops} of {peak_tflops} TFLOP/s: {share_of_peak}".format(**rows[-1]))
        print(
            "{name:32} {seconds_a_step:8.4f} s  x{times_sae_lens}  {peak_mib} MiB  FVU {fvu}  L0 {l0}".format(
                **rows[-1]
            )
        )
    curves = equal_start(draw, options)
    print("from equal weights:", curves)
    versions = {}
    for package in ("sae-lens", "dictionary-learning", "eai-sparsify", "numba"):
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    settings = dict(vars(options))
    print(
        write_result(
            "train_step" if options.device == "cpu" else f"train_step_{options.device}",
            {
                "rows": rows,
                "buffer_seconds": round(buffer_s, 5),
                "equal_start": curves,
                "gpu": torch.cuda.get_device_name() if options.device == "cuda" else "none: no share of peak measured",
                "missing": missing,
                "rivals": versions,
                "threads": torch.get_num_threads(),
                **settings,
            },
        )
    )


if __name__ == "__main__":
    main()
