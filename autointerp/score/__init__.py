"""Labels are tested on held-out text: detection, floors, nulls, the bottom-10 % check, and the rates of a run."""

from autointerp.score._bottom import BottomCheck, check_bottom
from autointerp.score._confusion import Confusion
from autointerp.score._detection import Answer, DetectReply, Question, detection_request, judge
from autointerp.score._ended import Ended, ended_requests
from autointerp.score._estimate import RunEstimate, estimate_run
from autointerp.score._floors import NONE_FLOOR, peak_tokens, token_identity_floor
from autointerp.score._rates import mean, rate
from autointerp.score._row import ScoreRow, load_score_rows, load_scores
from autointerp.score._score import score_features
from autointerp.score._shuffle import shuffled_donors
from autointerp.score._summary import DEFINITIONS, summarise, write_summary
from autointerp.score._trial import Trial, make_trial

__all__ = [
    "DEFINITIONS",
    "NONE_FLOOR",
    "Answer",
    "BottomCheck",
    "Confusion",
    "DetectReply",
    "Ended",
    "Question",
    "RunEstimate",
    "ScoreRow",
    "Trial",
    "check_bottom",
    "detection_request",
    "ended_requests",
    "estimate_run",
    "judge",
    "load_score_rows",
    "load_scores",
    "make_trial",
    "mean",
    "peak_tokens",
    "rate",
    "score_features",
    "shuffled_donors",
    "summarise",
    "token_identity_floor",
    "write_summary",
]
