"""Statistics of rates, pairs and confusion tables: pure functions."""

from autointerp.stats._agreement import nominal_alpha
from autointerp.stats._bootstrap import paired_bootstrap
from autointerp.stats._confusion import balanced_accuracy, balanced_accuracy_interval, f1, mcc
from autointerp.stats._power import minimum_detectable_effect, required_n
from autointerp.stats._proportions import Interval, newcombe_difference, wilson
from autointerp.stats._tests import Homogeneity, fisher_greater, holm, homogeneity, mcnemar_exact

__all__ = [
    "Homogeneity",
    "Interval",
    "balanced_accuracy",
    "balanced_accuracy_interval",
    "f1",
    "fisher_greater",
    "holm",
    "homogeneity",
    "mcc",
    "mcnemar_exact",
    "minimum_detectable_effect",
    "newcombe_difference",
    "nominal_alpha",
    "paired_bootstrap",
    "required_n",
    "wilson",
]
