"""Labels are tested on held-out text: scorers, floors, nulls, the bottom-10 % check, and the rates of a run.

The scorers, one file each, are in ``scorers``.
"""

from autointerp.score._bottom import BottomCheck, check_bottom
from autointerp.score._confusion import Confusion
from autointerp.score._ended import Ended, ended_requests
from autointerp.score._estimate import RunEstimate, estimate_run
from autointerp.score._floors import NONE_FLOOR, peak_tokens, token_identity_floor
from autointerp.score._judge import judge
from autointerp.score._position import position_floor
from autointerp.score._question import Answer, Question
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
from autointerp.score._summary import DEFINITIONS, load_summary, summarise, write_summary
from autointerp.score._trial import Trial, make_trial
from autointerp.score.scorers import SCORERS, DetectReply, Scorer, detection_request, parse_scorers

__all__ = [
    "DEFINITIONS",
    "NONE_FLOOR",
    "SCORERS",
    "Agreement",
    "Answer",
    "BottomCheck",
    "Confusion",
    "DetectReply",
    "Ended",
    "Question",
    "Reliability",
    "Repeats",
    "RunEstimate",
    "ScoreRow",
    "Scorer",
    "Trial",
    "Twins",
    "agreement",
    "check_bottom",
    "detection_request",
    "ended_requests",
    "estimate_run",
    "judge",
    "label_overlap",
    "load_reliability",
    "load_score_rows",
    "load_scores",
    "load_summary",
    "make_trial",
    "mean",
    "parse_scorers",
    "peak_tokens",
    "position_floor",
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
