"""autointerp: are this SAE's features real?

Every verb of the command line is a function here::

    import autointerp

    labels = autointerp.label("path/to/sae", "runs/mine", llm="rules")   # a pandas frame
    scores = autointerp.score("runs/mine")
    autointerp.gate("runs/mine", "results/baseline.json").status

The verbs carry the names of the rooms that do the work (``autointerp.label`` the function, ``autointerp/label`` the
package), so on this module a verb's name always means the function; ``from autointerp.label import load_labels`` and
the like reach into the rooms.
"""

from __future__ import annotations

import importlib
import sys
import types

VERBS = (
    "baseline", "compare", "convert", "demo", "doctor", "evaluate", "export", "finetune", "gate", "harvest", "label",
    "reliability", "report", "retry", "score", "sweep", "train", "view",
)  # fmt: skip
"""The functions of this module: those of ``autointerp.verbs``, by name, because importing them costs seconds."""

__version__ = "0.1.0"
__all__ = ["VERBS", "__version__"]


class _Package(types.ModuleType):
    """The module's own class: a verb is looked up when it is first asked for, so that importing this costs nothing."""

    def __getattribute__(self, name: str) -> object:
        if name in VERBS:
            return getattr(importlib.import_module("autointerp.verbs"), name)
        return super().__getattribute__(name)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *VERBS})


sys.modules[__name__].__class__ = _Package
