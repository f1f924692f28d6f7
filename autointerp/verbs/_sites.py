"""SAEs that are measured together: their places in one model, and short names that tell them apart."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import sae
from autointerp.errors import MismatchError, UsageError
from autointerp.evaluate import Site
from autointerp.verbs._inputs import Inputs


def open_sites(inputs: Inputs, paths: Sequence[str]) -> tuple[Site, ...]:
    """Open the SAEs beside a run's own.

    Args:
        inputs: The run's, with the first SAE.
        paths: All SAEs, the run's own first; empty for that one alone.

    Raises:
        MismatchError: One reads another model, or another width than there is at its hook point.
    """
    subject, first = inputs.subject, inputs.model
    names = short_names(paths or [str(inputs.options.sae)])
    sites = [Site(names[0], first, subject)]
    for name, path in zip(names[1:], paths[1:], strict=True):
        model = sae.load(path, device=inputs.options.device)
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


def short_names(paths: Sequence[str]) -> list[str]:
    """The shortest ends of the paths that tell them apart.

    Raises:
        UsageError: Two are the same place.
    """
    parts = [Path(path).resolve().parts for path in paths]
    for depth in range(1, max(map(len, parts)) + 1):
        names = ["/".join(part[-depth:]) for part in parts]
        if len(set(names)) == len(names):
            return names
    twice = next(path for path, part in zip(paths, parts, strict=True) if parts.count(part) > 1)
    raise UsageError(f"{twice} is named twice. Name each SAE once.")
