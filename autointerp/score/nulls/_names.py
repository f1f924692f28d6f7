"""The nulls by name, and what each replaces."""

from __future__ import annotations

from autointerp.errors import UsageError

SHUFFLED_LABELS = "shuffled_labels"
"""Part of every scoring: each label judged on another feature's contexts."""
CONTROL = "control"
"""No null: an SAE trained on the real model in the way of the nulls that are trained, which that way alone can move."""
NULLS = {
    SHUFFLED_LABELS: "every label exchanged for another feature's",
    "shuffled_activations": "every window has the activations of another text",
    "random_directions": "features are random directions that fire as often",
    "frozen_random_decoder": "an SAE trained around a decoder that stays random",
    "reinitialised_model": "an SAE trained on the model with its weights drawn anew",
    CONTROL: "nothing is replaced: an SAE trained on the real model as the two nulls are",
}
"""Name -> what is not real in it. All but the first are small runs of their own, the control among them."""
DEFAULT_N_FEATURES = 100
"""Features of a null run, where the run's random group does not have fewer."""


def parse_nulls(spec: str) -> tuple[str, ...]:
    """The null runs that a line such as ``all`` or ``shuffled_activations,random_directions`` asks for.

    ``shuffled_labels`` is known and asks for nothing: it is made with every scoring.

    Raises:
        UsageError: A name is unknown.
    """
    asked = [name.strip() for name in spec.split(",")]
    unknown = [name for name in asked if name not in NULLS and name != "all"]
    if unknown:
        raise UsageError(f"--nulls {spec!r}: {unknown[0]!r} is not a null. Known: all, {', '.join(NULLS)}.")
    return tuple(name for name in NULLS if name != SHUFFLED_LABELS and ("all" in asked or name in asked))
