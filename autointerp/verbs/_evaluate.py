"""``evaluate``: every measurement of an SAE on its model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Unpack

from autointerp._keywords import with_keywords
from autointerp.errors import UsageError
from autointerp.evaluate import Setting, Stored, choose_suites, run_suites
from autointerp.report import write_evaluation
from autointerp.run import Progress, RunDirectory, Silence, default_run, exclusive
from autointerp.verbs._harvest import ensure_harvest
from autointerp.verbs._inputs import InputOptions, Options, claim, open_inputs
from autointerp.verbs._sites import open_sites
from sae.stack import STACK_FILE

EVALUATION_TOKENS = 200_000


@with_keywords
def evaluate(
    sae: str | Path | Sequence[str | Path] | None,
    out: str | Path | None = None,
    *,
    suites: Sequence[str] | None = None,
    n_tokens: int | None = None,
    n_steered: int = 64,
    device: str = "cpu",
    progress: Progress | None = None,
    **options: Unpack[InputOptions],
) -> list[Stored]:
    """Measure an SAE on its model: tables, figures and a page in ``RUN/evaluate``, each suite once.

    Args:
        sae: The SAE, in any known format. Several: the first is studied, the others stand beside it in the suites that
            compare; a folder of SAEs (a sweep's) means all of them. None for a run that was begun.
        out: The run directory, new or begun with the same SAE (default: ``runs/`` and the SAE's name). A run's windows
            and harvest are used again.
        suites: Names of suites (default: all).
        n_tokens: Tokens to measure on (default 200,000, or as many as the run holds).
        n_steered: Live features, drawn at random, that are steered with and removed one by one; each costs seconds.
        device: ``cpu`` or ``cuda``.
        progress: Listener.
        **options: Subject model, hook point, corpus and the like: see ``InputOptions``.

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
    tokens_to_read = None if run.exists else n_tokens or EVALUATION_TOKENS
    wanted = Options(sae=paths[0] if paths else None, n_tokens=tokens_to_read, device=device, **options)
    with exclusive(run.path):
        inputs = open_inputs(run, wanted, progress)
        if any(suite.needs_harvest for suite in chosen):
            ensure_harvest(inputs, progress)
        setting = Setting(
            run=run,
            sites=open_sites(inputs, paths),
            windows=inputs.windows,
            config=inputs.config,
            n_tokens=min(n_tokens or EVALUATION_TOKENS, inputs.windows.n_tokens),
            progress=progress,
            n_steered=n_steered,
        )
        results = run_suites(setting, chosen)
        write_evaluation(run)
    return results


def _expand(sae: str | Path | Sequence[str | Path] | None) -> list[str]:
    """Paths of SAEs; a folder that holds no SAE but folders of SAEs stands for these."""
    given = [] if sae is None else [sae] if isinstance(sae, str | Path) else list(sae)
    paths: list[str] = []
    for path in map(Path, given):
        inside = sorted(filter(_holds_sae, path.iterdir())) if path.is_dir() and not _holds_sae(path) else []
        paths.extend(map(str, inside or [path]))
    return paths


def _holds_sae(folder: Path) -> bool:
    return any((folder / name).exists() for name in ("cfg.json", STACK_FILE))
