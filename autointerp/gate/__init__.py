"""The CI gate: a run held against a baseline."""

from autointerp.gate._baseline import RATES, Baseline, BaselineFeature, Noise, Rate, read_baseline, write_baseline
from autointerp.gate._compare import compare
from autointerp.gate._floor import MIN_COVERAGE, Floor, hold
from autointerp.gate._render import append_step_summary, to_junit, to_markdown, write_junit
from autointerp.gate._result import Flip, GateResult
from autointerp.gate._snapshot import load_decoder, make_baseline, snapshot

__all__ = [
    "MIN_COVERAGE",
    "RATES",
    "Baseline",
    "BaselineFeature",
    "Flip",
    "Floor",
    "GateResult",
    "Noise",
    "Rate",
    "append_step_summary",
    "compare",
    "hold",
    "load_decoder",
    "make_baseline",
    "read_baseline",
    "snapshot",
    "to_junit",
    "to_markdown",
    "write_baseline",
    "write_junit",
]
