"""The rules labeler: readable rules, found in the contexts, named in a small grammar, and judged."""

from autointerp.label._rules._grammar import describe, parse
from autointerp.label._rules._rule import Atom, Rule
from autointerp.label._rules._search import Fit, search
from autointerp.label._rules._second import Second, second_meaning
from autointerp.label._rules._slices import rule_fires, rule_holds
from autointerp.label._rules._token_tests import CLASSES

__all__ = [
    "CLASSES",
    "Atom",
    "Fit",
    "Rule",
    "Second",
    "describe",
    "parse",
    "rule_fires",
    "rule_holds",
    "search",
    "second_meaning",
]
