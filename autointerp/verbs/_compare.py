"""``compare``: two SAEs side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Unpack

import sae
from autointerp._keywords import with_keywords
from autointerp.errors import MismatchError, UsageError
from autointerp.evaluate import Findings, Key, Setting, Store, Stored, keep
from autointerp.evaluate.compare import (
    ConnectionOptions,
    StableRule,
    measure_connections,
    measure_directions,
    read_dictionary,
)
from autointerp.run import Progress, RunDirectory, Silence, exclusive
from autointerp.subject import same_hook_point
from autointerp.verbs._evaluate import EVALUATION_TOKENS
from autointerp.verbs._inputs import Options, TextOptions, open_inputs
from autointerp.verbs._sites import open_sites, short_names


@dataclass(frozen=True)
class ComparisonResult:
    """What a comparison found, and where its files are."""

    folder: Path
    """Holds ``directions/`` and ``connections/``, each with tables, figures and ``findings.json``."""
    directions: Stored
    connections: Stored | None
    """Where it was asked for."""


@with_keywords
def compare(
    a: str | Path,
    b: str | Path,
    out: str | Path | None = None,
    *,
    seeds_of_a: Sequence[str | Path] = (),
    drop_dead: bool = False,
    stable_above: float = 0.9,
    absent_below: float = 0.5,
    connections: bool = False,
    alpha: float = 0.02,
    max_features: int = 2048,
    n_tokens: int | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
    **text: Unpack[TextOptions],
) -> ComparisonResult:
    """Compare the decoder directions of two SAEs, and with ``connections`` what B's features are made of in A.

    Directions need no text: largest cosine both ways, one-to-one matching, random directions and other seeds of A to
    hold them against, and the features of A that its other seeds have and B lacks. Connections read the model and text.

    Args:
        a: The SAE under study, in any known format.
        b: The other; with ``connections`` it reads at the same place or later in the model.
        out: A folder for the results; findings of the same inputs are not made again. A run directory of A's will do,
            and its text is then read (default: ``runs/compare-A-B``).
        seeds_of_a: SAEs trained as A was from other seeds.
        drop_dead: Leave out features that an SAE says were dead when its training ended.
        stable_above: A feature is stable when its largest cosine with each other seed is above this.
        absent_below: It is absent in B when its largest cosine there is below this.
        connections: Fit the sparse map from A's features to B's, too.
        alpha: Its L1 penalty, where every feature has variance 1.
        max_features: It takes the most frequent features of each SAE, so many at most.
        n_tokens: Tokens to fit it on (default 200,000).
        device: ``cpu`` or ``cuda``.
        progress: Listener.
        **text: The seed; and for the connections, subject model and corpus (default: as A's metadata say) and the like:
            see ``TextOptions``.

    Returns:
        The findings.

    Raises:
        UsageError: An input is wrong, or two SAEs are one.
        MismatchError: The SAEs have different d_in, or for connections different models.
    """
    progress, seed = progress or Silence(), text.get("seed") or 0
    rule, options = StableRule(stable_above, absent_below), ConnectionOptions(alpha, max_features)
    paths = [str(path) for path in (a, b, *seeds_of_a)]
    names = short_names(paths)
    run = RunDirectory(Path("runs") / f"compare-{names[0]}-{names[1]}".replace("/", "_") if out is None else out)
    _check_folder(run)
    models = _load(paths, device)
    saes = [f"{name} {one.fingerprint()}" for name, one in zip(names, models, strict=True)]
    store = Store(run.path / "compare")

    def measure() -> Findings:
        found_in = [read_dictionary(name, one, drop_dead=drop_dead) for name, one in zip(names, models, strict=True)]
        found = measure_directions(found_in[0], found_in[1], found_in[2:], rule=rule, seed=seed, progress=progress)
        found.notes.extend(_differences(names, models))
        return found

    with exclusive(run.path):
        key: Key = {"saes": saes, "rule": str(rule), "drop_dead": drop_dead, "seed": seed}
        title = f"Directions of {names[0]} and {names[1]}"
        directions = keep(store, Stored(suite="directions", title=title, key=key), measure, progress)
        if not connections:
            return ComparisonResult(store.folder, directions, None)
        tokens_to_read = None if run.exists else n_tokens or EVALUATION_TOKENS
        asked = Options(sae=paths[0], n_tokens=tokens_to_read, device=device, **text)
        setting = _open_setting(run, paths[:2], asked, n_tokens or EVALUATION_TOKENS, progress)
        key = {
            "saes": saes[:2], "hook_points": [site.subject.hook_point for site in setting.sites],
            "options": str(options), "model": setting.subject.fingerprint,
            "windows": setting.windows.fingerprint, "n_tokens": setting.n_tokens, "config": str(setting.config),
        }  # fmt: skip
        title = f"Features of {names[1]} made of features of {names[0]}"
        stored = Stored(suite="connections", title=title, key=key)
        found = keep(store, stored, lambda: measure_connections(setting, options), progress)
    return ComparisonResult(store.folder, directions, found)


def _check_folder(run: RunDirectory) -> None:
    """Refuse to write among files that are neither a comparison's nor a run's."""
    ours = run.exists or (run.path / "compare").is_dir()
    if run.path.is_file() or (not ours and run.path.is_dir() and any(e.name != ".lock" for e in run.path.iterdir())):
        raise UsageError(f"{run.path}: holds something else. Choose another --out.")


def _load(paths: Sequence[str], device: str) -> list[sae.SAE]:
    models = [sae.load(path, device=device) for path in paths]
    for path, one in zip(paths[1:], models[1:], strict=True):
        if one.cfg.d_in != models[0].cfg.d_in:
            raise MismatchError(
                f"the d_in of {paths[0]} and {path}", expected=models[0].cfg.d_in, found=one.cfg.d_in,
                hint="Directions of different lengths have no cosine: compare SAEs that read the same width.",
            )  # fmt: skip
    return models


def _differences(names: Sequence[str], models: Sequence[sae.SAE]) -> list[str]:
    """What makes cosines with the first SAE's directions mean less, as sentences."""
    notes, first = [], models[0].cfg.metadata
    for name, one in zip(names[1:], models[1:], strict=True):
        meta = one.cfg.metadata
        if first.model_name and meta.model_name and first.model_name != meta.model_name:
            notes.append(
                f"{names[0]} reads {first.model_name}, {name} reads {meta.model_name}: their dimensions have nothing "
                "to do with each other, and neither have their directions."
            )
        elif first.hook_name and meta.hook_name and not same_hook_point(first.hook_name, meta.hook_name):
            notes.append(
                f"{names[0]} reads {first.hook_name}, {name} reads {meta.hook_name}: a model may use other directions "
                "for the same thing there, so a low cosine says little."
            )
    return notes


def _open_setting(
    run: RunDirectory, paths: Sequence[str], options: Options, n_tokens: int, progress: Progress
) -> Setting:
    inputs = open_inputs(run, options, progress)
    return Setting(
        run=run,
        sites=open_sites(inputs, paths),
        windows=inputs.windows,
        config=inputs.config,
        n_tokens=min(n_tokens, inputs.windows.n_tokens),
        progress=progress,
    )
