"""Every verb of the command line as one function."""

from autointerp.verbs._asking import AskingOptions, DeliveryOptions, SpendingOptions
from autointerp.verbs._compare import ComparisonResult, compare
from autointerp.verbs._convert import convert
from autointerp.verbs._demo import DEMO_FEATURES, DEMO_TOKENS, DEMO_TRAINING, DemoResult, demo
from autointerp.verbs._evaluate import EVALUATION_TOKENS, evaluate
from autointerp.verbs._export import doctor, export, report
from autointerp.verbs._finetune import FinetuneResult, finetune
from autointerp.verbs._finetune_report import FINETUNE_FILE, FinetuneReport
from autointerp.verbs._gate import baseline, gate
from autointerp.verbs._harvest import harvest
from autointerp.verbs._inputs import InputOptions, TextOptions
from autointerp.verbs._label import LabelOptions, label
from autointerp.verbs._reliability import reliability
from autointerp.verbs._retry import Retried, retry
from autointerp.verbs._score import score
from autointerp.verbs._sweep import SweepResult, sweep
from autointerp.verbs._train import train
from autointerp.verbs._view import view

__all__ = [
    "DEMO_FEATURES",
    "DEMO_TOKENS",
    "DEMO_TRAINING",
    "EVALUATION_TOKENS",
    "FINETUNE_FILE",
    "AskingOptions",
    "ComparisonResult",
    "DeliveryOptions",
    "DemoResult",
    "FinetuneReport",
    "FinetuneResult",
    "InputOptions",
    "LabelOptions",
    "Retried",
    "SpendingOptions",
    "SweepResult",
    "TextOptions",
    "baseline",
    "compare",
    "convert",
    "demo",
    "doctor",
    "evaluate",
    "export",
    "finetune",
    "gate",
    "harvest",
    "label",
    "reliability",
    "report",
    "retry",
    "score",
    "sweep",
    "train",
    "view",
]
