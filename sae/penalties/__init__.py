"""What can be added to the squared error: penalties on activations, on firing frequencies, and on the decoder.

A ``Penalty`` gives the value and the slope of a function of each activation; which weight their sum has in the loss,
and over what it is averaged, is the trainer's business.
"""

from __future__ import annotations

from sae.penalties._frequency import FrequencyPenalty, FrequencyState
from sae.penalties._l0_approx import L0Approx
from sae.penalties._l1 import L1
from sae.penalties._log import Log
from sae.penalties._offset_sqrt import OffsetSqrt
from sae.penalties._orthogonality import ORTHOGONALITY_KINDS, OrthogonalityKind, decoder_orthogonality
from sae.penalties._parse import ALIASES, PENALTIES, parse_penalty
from sae.penalties._penalty import Penalty
from sae.penalties._power import Power
from sae.penalties._scaled_sqrt import ScaledSqrt
from sae.penalties._tanh import Tanh

__all__ = [
    "ALIASES",
    "L1",
    "ORTHOGONALITY_KINDS",
    "PENALTIES",
    "FrequencyPenalty",
    "FrequencyState",
    "L0Approx",
    "Log",
    "OffsetSqrt",
    "OrthogonalityKind",
    "Penalty",
    "Power",
    "ScaledSqrt",
    "Tanh",
    "decoder_orthogonality",
    "parse_penalty",
]
