"""``evaluate``: every measurement of an SAE on its model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import sae as sae_core
from autointerp.errors import MismatchError, UsageError
from autointerp.evaluate import Setting, Site, Stored, choose_suites, run_suites
from autointerp.report import write_evaluation
from autointerp.run import Progress, RunDirectory, Silence, default_run, exclusive
from autointerp.verbs._harvest import ensure_harvest
from autointerp.verbs._inputs import Inputs, Options, claim, open_inputs

EVALUATION_TOKENS = 200_000


def evaluate(
    sae: str | Path | Sequence[str | Path] | None,
    out: str | Path | None = None,
    *,
    suites: Sequence[str] | None = None,
    model: str | None = None,
    hook_point: str | None = None,
    corpus: str | None = None,
    column: str | None = None,
    n_tokens: int | None = None,
    seed: int | None = None,
    keep_bos: bool | None = None,
    device: str = "cpu",
    threads: int | None = None,
    progress: Progress | None = None,
) -> list[Stored]:
    """Measure an SAE on its model: tables, figures and a page in ``RUN/evaluate``, each suite once.

    Args:
        sae: The SAE, in any known format. Several: the first is studied, the others stand beside it in the suites that
            compare; a folder of SAEs (a sweep's) means all of them. None for a run that was begun.
        out: The run directory, new or begun with the same SAE (default: ``runs/`` and the SAE's name). A run's windows
            and harvest are used again.
        suites: Names of suites (default: all).
        model: Subject model: ``bundled``, a hub name or a local folder (default: the SAE's metadata).
        hook_point: Where the SAE reads (default: the SAE's metadata, which it must agree with).
        corpus: ``python``, a file or ``hf:NAME`` (default: the SAE's metadata).
        column: Text column of the corpus.
        n_tokens: Tokens to measure on (default 200,000, or as many as the run holds).
        seed: Of every random choice (default 0).
        keep_bos: Measure on BOS and first positions, too (default: they are left out).
        device: ``cpu`` or ``cuda``.
        threads: CPU threads for torch.
        progress: Listener.

    Returns:
        What each suite found, as in its ``findings.json``.

    Raises:
        UsageError: An input is wrong, or there is no such suite.
        MismatchError: Inputs disagree: with each other, with the run, or an SAE with the hook point.
    """
    progress = progress or Silence()
    chosen = choose_suites(list(suites) if suites is not None else None)
    paths = _expand(sae)
    if out is None and not paths:
        raise UsageError("--sae: name the SAE (a folder or file); a new run needs one.")
    run = RunDirectory(default_run(paths[0]) if out is None else out)
    claim(run, resume=True)
    options = Options(
        sae=paths[0] if paths else None, model=model, hook_point=hook_point, corpus=corpus, column=column,
        n_tokens=None if run.exists else n_tokens or EVALUATION_TOKENS, seed=seed, keep_bos=keep_bos, device=device,
        threads=threads,
    )  # fmt: skip
    with exclusive(run.path):
        inputs = open_inputs(run, options, progress)
        if any(suite.needs_harvest for suite in chosen):
            ensure_harvest(inputs, progress)
        setting = Setting(
            run=run,
            sites=_sites(inputs, paths),
            windows=inputs.windows,
            config=inputs.config,
            n_tokens=min(n_tokens or EVALUATION_TOKENS, inputs.windows.n_tokens),
            progress=progress,
        )
        results = run_suites(setting, chosen)
        write_evaluation(run)
    return results


def _expand(sae: str | Path | Sequence[str | Path] | None) -> list[str]:
    """Paths of SAEs; a folder that holds no SAE but folders of SAEs stands for these."""
    given = [] if sae is None else [sae] if isinstance(sae, str | Path) else list(sae)
    paths: list[str] = []
    for path in map(Path, given):
        inside = sorted(child.parent for child in path.glob("*/cfg.json")) if path.is_dir() else []
        paths.extend(map(str, inside) if inside and not (path / "cfg.json").exists() else [str(path)])
    return paths


def _sites(inputs: Inputs, paths: Sequence[str]) -> tuple[Site, ...]:
    subject, first = inputs.subject, inputs.model
    names = _names(paths or [str(inputs.options.sae)])
    sites = [Site(names[0], first, subject)]
    for name, path in zip(names[1:], paths[1:], strict=True):
        model = sae_core.load(path, device=inputs.options.device)
        meta = model.cfg.metadata
        if meta.model_name not in (None, first.cfg.metadata.model_name):
            raise MismatchError(
                f"the models of {paths[0]} and {path}",
                expected=first.cfg.metadata.model_name,
                found=meta.model_name,
                hint="SAEs that are measured together read the same model.",
            )
        hook_point = meta.hook_name or subject.hook_point
        there = subject if hook_point == subject.hook_point else subject.at(hook_point)
        if there.d_model != model.cfg.d_in:
            raise MismatchError(
                f"the d_in of {path} and the width of {hook_point}", expected=there.d_model, found=model.cfg.d_in,
                hint="This SAE belongs to another model or hook point.",
            )  # fmt: skip
        sites.append(Site(name, model, there))
    return tuple(sites)


def _names(paths: Sequence[str]) -> list[str]:
    """The shortest ends of the paths that tell them apart."""
    parts = [Path(path).resolve().parts for path in paths]
    for depth in range(1, max(map(len, parts)) + 1):
        names = ["/".join(part[-depth:]) for part in parts]
        if len(set(names)) == len(names):
            return names
    raise UsageError(f"--sae: {paths[0]} and others are named twice.")
