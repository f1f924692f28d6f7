"""Ways to test a feature on held-out text: one file each, behind one interface."""

from autointerp.score.scorers._choose import DEFAULT, SCORERS, parse_scorers
from autointerp.score.scorers._detection import Detection, DetectReply, detection_request
from autointerp.score.scorers._fuzzing import Fuzzing, FuzzReply, MarkedText, marked_texts
from autointerp.score.scorers._intruder import CHANCE, Intruder, IntruderReply, Round, rounds
from autointerp.score.scorers._scorer import Scorer
from autointerp.score.scorers._simulation import A_REQUEST, STRONGEST, SimulateReply, Simulation, pearson, simulated

__all__ = [
    "A_REQUEST",
    "CHANCE",
    "DEFAULT",
    "SCORERS",
    "STRONGEST",
    "DetectReply",
    "Detection",
    "FuzzReply",
    "Fuzzing",
    "Intruder",
    "IntruderReply",
    "MarkedText",
    "Round",
    "Scorer",
    "SimulateReply",
    "Simulation",
    "detection_request",
    "marked_texts",
    "parse_scorers",
    "pearson",
    "rounds",
    "simulated",
]
