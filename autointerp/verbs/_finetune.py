"""``finetune``: another decoder for an SAE whose encoder stays as it is."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Unpack, get_args

import torch
from torch import Tensor

from autointerp._keywords import with_keywords
from autointerp.errors import UsageError
from autointerp.evaluate import Change, Setting, measure_change
from autointerp.run import Progress, RunDirectory, Silence, check_new_folder, new_folder, write_text
from autointerp.verbs._finetune_report import FINETUNE_FILE, Difference, FinetuneReport, Scales
from autointerp.verbs._finetune_text import Rows, count_tokens, open_text, part, read_again, read_once
from autointerp.verbs._inputs import InputOptions, Inputs, Options, open_inputs
from autointerp.verbs._memory import free_bytes
from sae import SAE, ActivationBuffer, load, save
from sae.finetune import FineTuned, Tune, check_tunable, gradient_steps, least_squares, least_squares_bytes

Method = Literal["least-squares", "gradient"]

BATCH_SIZE = 1024
"""Activations a gradient step."""
BUFFER_SIZE = 16_384
"""Activations that batches are drawn from."""
MIN_STEPS = 1000
"""Of the gradient, however short the text."""
RELATIVE_LR = 0.01
"""Learning rate of the gradient, relative to the size of what is tuned."""


@dataclass(frozen=True)
class FinetuneResult:
    """A fine-tuned SAE."""

    folder: Path
    """The SAE as SAELens writes it, and ``finetune.json``."""
    sae: SAE
    report: FinetuneReport
    """What is in ``finetune.json``: figures on held-out text, before and after."""


@dataclass(frozen=True)
class _Recipe:
    """What is tuned, and how."""

    tune: Tune
    b_dec: bool
    method: Method
    n_steps: int | None
    lr: float | None
    min_active: int

    def __post_init__(self) -> None:
        if self.method not in get_args(Method):
            raise UsageError(f"--method: there is no {self.method!r}; there are {' and '.join(get_args(Method))}.")
        for name, value in {"--steps": self.n_steps, "--lr": self.lr}.items():
            if value is not None and self.method == "least-squares":
                raise UsageError(f"{name} belongs to --method gradient: least squares takes no steps.")
            if value is not None and not value > 0:
                raise UsageError(f"{name} is {value}; it must be above 0.")
        if self.min_active < 1:
            raise UsageError(f"--min-active is {self.min_active}; it must be at least 1.")


@with_keywords
def finetune(
    sae: str | Path,
    out: str | Path,
    *,
    tune: Tune = "scale",
    b_dec: bool = False,
    method: Method = "least-squares",
    n_steps: int | None = None,
    lr: float | None = None,
    min_active: int = 100,
    n_tokens: int | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
    **inputs: Unpack[InputOptions],
) -> FinetuneResult:
    """Tune an SAE's decoder on the squared error alone, with its encoder frozen, and measure it on held-out text.

    Features fire where they did, as strongly as they did; what they add to the reconstruction changes. That undoes the
    shrinkage of an L1 penalty (Wright and Sharkey, "Addressing Feature Suppression in SAEs", 2024).

    Args:
        sae: The SAE, in any known format.
        out: A folder for the new one, which is not there yet, or empty. Beside the weights lies ``finetune.json``.
        tune: ``scale``: one factor a feature, on its decoder row. ``decoder``: all of W_dec.
        b_dec: Tune b_dec as well.
        method: ``least-squares`` finds the best in closed form, with three float64 [d_sae, d_sae] in memory;
            ``gradient`` goes there in steps, and needs no such matrix.
        n_steps: Of the gradient, 1,024 activations each (default: as many as read the text once, but at least 1,000).
        lr: Its learning rate at the start, in units of the scale or of the decoder's weights (default: 0.01 times 1, or
            times their root mean square).
        min_active: Features that fire on fewer of the tokens tuned on keep their decoder rows: what fits a handful of
            tokens best often points the other way.
        n_tokens: Tokens to read (default 1,000,000); a tenth of them, 50,000 at most, are held out.
        device: ``cpu`` or ``cuda``.
        progress: Listener.
        **inputs: Subject model, hook point, corpus and the like: see ``InputOptions``. BOS and first positions are
            left out unless the SAE says it was trained on them, or ``keep_bos`` does.

    Returns:
        The new SAE, and what changed.

    Raises:
        UsageError: An input is wrong, something is at ``out``, or least squares would not fit into memory.
        MismatchError: Inputs disagree.
        SAEError: The SAE can't be read, or not be tuned like this.
    """
    progress, folder = progress or Silence(), Path(out)
    recipe = _Recipe(tune, b_dec, method, n_steps, lr, min_active)
    if n_tokens is not None and n_tokens < 1:
        raise UsageError(f"--tokens is {n_tokens}; it must be at least 1.")
    if folder.exists() and folder.resolve() == Path(sae).resolve():
        raise UsageError(f"{folder}: is the SAE itself, which is kept as it is. Choose another --out.")
    check_new_folder(folder)
    _check(load(sae, device=device), recipe, progress)
    with tempfile.TemporaryDirectory(prefix="autointerp-") as work:
        options = Options(sae=str(sae), n_tokens=n_tokens, device=device, **inputs)
        opened = open_inputs(RunDirectory(work), options, progress)
        setting = open_text(opened, inputs.get("keep_bos"), progress)
        tuning, held_out = part(setting)
        tuned = _tune(setting, tuning, recipe)
        change = measure_change(setting, opened.model, tuned.sae, held_out)
        report = _report(opened, setting, recipe, tuned, change, n_tokens=count_tokens(setting, tuning))
    with new_folder(folder) as filled:
        save(tuned.sae, filled)
        write_text(filled / FINETUNE_FILE, report.model_dump_json(indent=2) + "\n")
    return FinetuneResult(folder, tuned.sae, report)


def _check(model: SAE, recipe: _Recipe, progress: Progress) -> None:
    """Refuse what can't be tuned, or would not fit, before any text is read."""
    check_tunable(model, recipe.tune, b_dec=recipe.b_dec)
    if recipe.method == "gradient":
        return
    needed, free = least_squares_bytes(model.cfg.d_in, model.cfg.d_sae), free_bytes()
    what = f"Least squares over {model.cfg.d_sae:,} features takes up to {_size(needed)} of memory"
    if needed > free:
        raise UsageError(f"{what}, and {_size(free)} are free. Use --method gradient, which needs no such matrix.")
    progress.say(f"{what} ({_size(free)} are free).")


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 2**30:.1f} GiB" if n_bytes >= 2**30 else f"{n_bytes / 2**20:.1f} MiB"


def _tune(setting: Setting, rows: Rows, recipe: _Recipe) -> FineTuned:
    model, tune, b_dec, least = setting.model, recipe.tune, recipe.b_dec, recipe.min_active
    if recipe.method == "least-squares":
        read, needed = read_once(setting, rows), least_squares_bytes(model.cfg.d_in, model.cfg.d_sae)
        return least_squares(model, read, tune=tune, b_dec=b_dec, min_active=least, max_bytes=needed)
    n_steps = recipe.n_steps or max(MIN_STEPS, count_tokens(setting, rows) // BATCH_SIZE)
    size = 1.0 if tune == "scale" else float(model.W_dec.double().square().mean().sqrt())
    return gradient_steps(
        model,
        _batches(setting, rows, n_steps),
        n_steps=n_steps,
        lr=recipe.lr or RELATIVE_LR * size,
        tune=tune,
        b_dec=b_dec,
        min_active=least,
    )


def _batches(setting: Setting, rows: Rows, n_steps: int) -> Iterator[Tensor]:
    """A shuffled batch for each gradient step."""
    vectors = read_again(setting, rows, n_steps * BATCH_SIZE)
    buffer = ActivationBuffer(vectors, capacity=BUFFER_SIZE, batch_size=BATCH_SIZE, seed=setting.seed)
    with setting.progress.stage("fine-tuning", "steps") as tick:
        for step, batch in enumerate(buffer, start=1):
            yield batch
            tick(step, n_steps)


def _report(
    opened: Inputs, setting: Setting, recipe: _Recipe, tuned: FineTuned, change: Change, *, n_tokens: int
) -> FinetuneReport:
    record, options, model = tuned.sae.cfg.metadata.extra["finetune"], opened.options, opened.model
    changed = (tuned.sae.W_dec != model.W_dec).any(dim=1)  # [d_sae]
    return FinetuneReport(
        sae=str(options.sae),
        sae_sha256=model.fingerprint(),
        tuned_sha256=tuned.sae.fingerprint(),
        model=str(options.model),
        hook_point=setting.subject.hook_point,
        corpus=str(options.corpus),
        windows_sha256=setting.windows.fingerprint,
        seed=setting.seed,
        keep_bos=setting.config.keep_bos,
        tune=recipe.tune,
        b_dec=recipe.b_dec,
        method=recipe.method,
        n_steps=record.get("n_steps"),
        lr=record.get("lr"),
        min_active=recipe.min_active,
        n_features=model.cfg.d_sae,
        n_tuned=int(changed.sum()),
        n_tokens=n_tokens,
        n_held_out=change.n_tokens,
        before=change.before,
        after=change.after,
        difference={
            name: Difference(value=one.value, standard_error=one.standard_error)
            for name, one in change.difference.items()
        },
        scales=None if tuned.scale is None or not changed.any() else _scales(tuned.scale[changed]),
    )


def _scales(scale: Tensor) -> Scales:
    low, median, high = torch.quantile(scale.double(), scale.new_tensor([0.05, 0.5, 0.95]).double()).tolist()
    return Scales(n_negative=int((scale < 0).sum()), low=low, median=median, high=high)
