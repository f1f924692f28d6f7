"""Features get names: selection, the rules labeler, LLM labels."""

from autointerp.label._answered import check_answered
from autointerp.label._by_llm import label_request, label_row, shown_contexts
from autointerp.label._by_rules import MIN_CONTEXTS, RULES, RULES_VERSION, label_by_rules
from autointerp.label._data_block import as_data
from autointerp.label._excerpt import CUT, MAX_WIDTH, MIN_WIDTH, Excerpt, excerpt, fit_lines, shorten
from autointerp.label._label import explain_contexts, label_features, label_requests, load_groups
from autointerp.label._reply import MONOSEMANTIC, POLYSEMANTIC, LabelReply
from autointerp.label._row import LabelRow, load_label_rows, load_labels, write_labels
from autointerp.label._rules import CLASSES, Atom, Rule, describe, parse, rule_fires, rule_holds
from autointerp.label._selection import MIN_ACTIVE, Selection, check_selection, select_features

__all__ = [
    "CLASSES",
    "CUT",
    "MAX_WIDTH",
    "MIN_ACTIVE",
    "MIN_CONTEXTS",
    "MIN_WIDTH",
    "MONOSEMANTIC",
    "POLYSEMANTIC",
    "RULES",
    "RULES_VERSION",
    "Atom",
    "Excerpt",
    "LabelReply",
    "LabelRow",
    "Rule",
    "Selection",
    "as_data",
    "check_answered",
    "check_selection",
    "describe",
    "excerpt",
    "explain_contexts",
    "fit_lines",
    "label_by_rules",
    "label_features",
    "label_request",
    "label_requests",
    "label_row",
    "load_groups",
    "load_label_rows",
    "load_labels",
    "parse",
    "rule_fires",
    "rule_holds",
    "select_features",
    "shorten",
    "shown_contexts",
    "write_labels",
]
