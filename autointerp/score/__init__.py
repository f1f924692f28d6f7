"""Labels are tested on held-out text: detection, floors, nulls, the bottom-10 % check, and the rates of a run."""

from autointerp.score._bottom import BottomCheck, check_bottom
from autointerp.score._confusion import Confusion
from autointerp.score._detection import Answer, DetectReply, Question, detection_request, judge
from autointerp.score._estimate import estimate_run
from autointerp.score._floors import NONE_FLOOR, peak_tokens, token_identity_floor
from autointerp.score._rates import mean, rate
from autointerp.score._reliability import (
    Agreement,
    Reliability,
    Twins,
    agreement,
    load_reliability,
    summarise_repeats,
    summarise_twins,
    write_reliability,
)
from autointerp.score._repeat import Repeats, repeat
from autointerp.score._row import ScoreRow, load_score_rows, load_scores
from autointerp.score._score import score_features
from autointerp.score._shuffle import label_overlap, shuffled_donors
from autointerp.score._summary import DEFINITIONS, summarise, write_summary
from autointerp.score._trial import Trial, make_trial

__all__ = [
    "DEFINITIONS",
    "NONE_FLOOR",
    "Agreement",
    "Answer",
    "BottomCheck",
    "Confusion",
    "DetectReply",
    "Question",
    "Reliability",
    "Repeats",
    "ScoreRow",
    "Trial",
    "Twins",
    "agreement",
    "check_bottom",
    "detection_request",
    "estimate_run",
    "judge",
    "label_overlap",
    "load_reliability",
    "load_score_rows",
    "load_scores",
    "make_trial",
    "mean",
    "peak_tokens",
    "rate",
    "repeat",
    "score_features",
    "shuffled_donors",
    "summarise",
    "summarise_repeats",
    "summarise_twins",
    "token_identity_floor",
    "write_reliability",
    "write_summary",
]
