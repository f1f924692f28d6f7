"""The language model under study: residuals at a hook point, logits with a patched one."""

from autointerp.subject._bridge import BridgeSubject
from autointerp.subject._hook_points import check_hook_points, same_hook_point
from autointerp.subject._load import load_subject
from autointerp.subject._protocol import Subject
from autointerp.subject._reinitialise import reinitialise
from autointerp.subject._source import bundled_path
from autointerp.subject._trace import Patch, Trace

__all__ = [
    "BridgeSubject",
    "Patch",
    "Subject",
    "Trace",
    "bundled_path",
    "check_hook_points",
    "load_subject",
    "reinitialise",
    "same_hook_point",
]
