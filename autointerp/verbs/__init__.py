"""Every verb of the command line as one function."""

from autointerp.verbs._asking import AskingOptions, DeliveryOptions, SpendingOptions
from autointerp.verbs._convert import convert
from autointerp.verbs._demo import DEMO_FEATURES, DEMO_TOKENS, DEMO_TRAINING, DemoResult, demo
from autointerp.verbs._evaluate import EVALUATION_TOKENS, evaluate
from autointerp.verbs._export import doctor, export, report
from autointerp.verbs._gate import baseline, gate
from autointerp.verbs._harvest import harvest
from autointerp.verbs._label import label
from autointerp.verbs._reliability import reliability
from autointerp.verbs._retry import Retried, retry
from autointerp.verbs._score import score
from autointerp.verbs._sweep import SweepResult, sweep
from autointerp.verbs._train import train

__all__ = [
    "DEMO_FEATURES",
    "DEMO_TOKENS",
    "DEMO_TRAINING",
    "EVALUATION_TOKENS",
    "AskingOptions",
    "DeliveryOptions",
    "DemoResult",
    "Retried",
    "SpendingOptions",
    "SweepResult",
    "baseline",
    "convert",
    "demo",
    "doctor",
    "evaluate",
    "export",
    "gate",
    "harvest",
    "label",
    "reliability",
    "report",
    "retry",
    "score",
    "sweep",
    "train",
]
