"""The meanings that are planted, by kind."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable

from benchmarks.ground_truth._predicate import Predicate
from benchmarks.ground_truth._text import Mask, Test, Text
from benchmarks.ground_truth._topics import TOPICS

TOKENS = (" self", ")", " return", " the", ":", " =", " if", " and", " was", " to", ".", "name", " day")
SETS = {
    "a word that opens a block": (" if", " elif", " else", " while", " for", " try", " with"),
    "True, False or None": (" True", " False", " None", "True", "False", "None"),
    "a pronoun": (" he", " she", " they", " it", " him", " them", "He", "She", "They", "It", " He", " It", " They"),
    "a preposition": (" in", " on", " at", " with", " from", " by", " into", " over"),
    "and, or, but, not": (" and", " or", " but", " not"),
}
LISTS = {
    "comma or semicolon": (",", ";"),
    "an opening bracket": ("(", "[", "{"),
    "question or exclamation mark": ("?", "!"),
    "plus, minus or star": (" +", " -", " *", "*"),
}
PREFIXES = ("re", "con", "un", "st", "th", "wh")
SUFFIXES = ("ing", "ed", "er", "ly", "tion", "le")
PARTS = ("ect", "oun", "all", "end")
AFTER = (" the", "(", " def", ".", " a", " self", " in")
BEFORE = ("(", " the", ":", ".", " =")


def predicates() -> list[Predicate]:
    """All of them; how often each holds depends on the text."""
    made = [*_tokens(), *_words(), *_characters(), *_neighbours(), *_places(), *_layouts(), *_pairs()]
    made += [Predicate(f"a word about {topic}", "topic", _here(_is_word(words))) for topic, words in TOPICS.items()]
    return made


def token(text: str) -> Predicate:
    """One exact token."""
    return Predicate(f"the token {text!r}", "token", _here(_is_token(frozenset([text]))), f"token {text!r}")


def _tokens() -> Iterable[Predicate]:
    yield from map(token, TOKENS)
    for name, members in SETS.items():
        yield Predicate(name, "token set", _here(_is_token(frozenset(members))))
    for name, members in LISTS.items():
        *first, last = map(repr, members)
        rule = f"token {', '.join(first)} or {last}"
        yield Predicate(name, "token set", _here(_is_token(frozenset(members))), rule)


def _words() -> Iterable[Predicate]:
    for part in PREFIXES:
        yield Predicate(
            f"a token that begins with {part!r}", "stem", _here(_begins(part)), f"token starting with {part!r}"
        )
    for part in SUFFIXES:
        yield Predicate(f"a token that ends in {part!r}", "suffix", _here(_ends(part)), f"token ending in {part!r}")
    for part in PARTS:
        yield Predicate(f"a token with {part!r} in it", "part", _here(_has(part)), f"token containing {part!r}")


def _characters() -> Iterable[Predicate]:
    kind = "characters"
    yield Predicate("a number", kind, _here(_is_number), "any digits")
    yield Predicate("a word in capitals", kind, _here(_is_capitals), "any uppercase word")
    yield Predicate("a capitalised word", kind, _here(_is_title), "any capitalised word")
    yield Predicate("a single letter", kind, _here(_is_letter), "any single letter")
    yield Predicate("a word of exactly five letters", kind, _here(_is_five))
    yield Predicate("a word with a double letter", kind, _here(_is_double))
    yield Predicate("letters without a vowel", kind, _here(_is_hard))
    yield Predicate("a word that ends in a vowel", kind, _here(_ends_soft))


def _neighbours() -> Iterable[Predicate]:
    for text in AFTER:
        test = _is_word(frozenset([_bare(text)]))
        yield Predicate(f"the token after {_bare(text)!r}", "previous token", _at(-1, test), f"after {_bare(text)!r}")
    for text in BEFORE:
        test = _is_word(frozenset([_bare(text)]))
        yield Predicate(f"the token before {_bare(text)!r}", "next token", _at(1, test), f"before {_bare(text)!r}")
    yield Predicate("the token after a number", "previous token", _at(-1, _is_number), "after any digits")
    yield Predicate("two tokens after '('", "previous token", _at(-2, _is_open), "two after '('")
    yield Predicate("the token after an article", "previous token", _at(-1, _is_article))
    yield Predicate("three tokens after a full stop", "previous token", _at(-3, _is_stop))
    yield Predicate("two tokens before a comma", "next token", _at(2, _is_comma))
    yield Predicate("a token that stood within the last four", "repetition", lambda text: text.repeats(4))
    yield Predicate(
        "a word that stood within the last twelve", "repetition", lambda text: text.repeats(12) & text.here(_is_long)
    )


def _places() -> Iterable[Predicate]:
    for n in (4, 8):
        yield Predicate(f"among the first {n} of the window", "position", _first(n), f"in first {n} positions")
    yield Predicate("among the last four of the window", "position", lambda text: text.real & (text.left <= 4))
    yield Predicate("every 32nd place", "position", lambda text: text.real & (text.position % 32 == 5))
    yield Predicate("places 60 to 63", "position", lambda text: text.real & (text.position // 4 == 15))


def _layouts() -> Iterable[Predicate]:
    kind = "brackets and quotes"
    yield Predicate("inside brackets", kind, lambda text: text.real & (text.layout.depth > 0), "inside brackets")
    yield Predicate("inside quotation marks", kind, lambda text: text.real & text.layout.quoted, "inside quotes")
    yield Predicate("in a comment", kind, lambda text: text.real & text.layout.comment, "inside a comment")
    yield Predicate("inside two pairs of brackets", kind, lambda text: text.real & (text.layout.depth > 1))
    yield Predicate("a word in brackets", kind, lambda text: text.here(_is_long) & (text.layout.depth > 0))
    kind = "line"
    yield Predicate("first of its line", kind, lambda text: text.real & (text.layout.word == 0), "at line start")
    yield Predicate("second of its line", kind, lambda text: text.real & (text.layout.word == 1))
    yield Predicate("last of its line", kind, lambda text: text.real & text.layout.is_last)
    yield Predicate("on a line that begins with return", kind, _on_line("return"))
    yield Predicate("on a line that begins with if", kind, _on_line("if"))


def _pairs() -> Iterable[Predicate]:
    kind = "two conditions"
    yield Predicate("self after '('", kind, _both(_here(_is_self), _at(-1, _is_open)), "word 'self' after '('")
    yield Predicate(
        "a capitalised word after 'the'",
        kind,
        _both(_here(_is_title), _at(-1, _is_the)),
        "any capitalised word after 'the'",
    )
    yield Predicate("a comma before 'and'", kind, _both(_here(_is_comma), _at(1, _is_and)), "token ',' before 'and'")
    yield Predicate(
        "a comma inside brackets",
        kind,
        lambda text: text.here(_is_comma) & (text.layout.depth > 0),
        "token ',' inside brackets",
    )
    yield Predicate(
        "a number inside brackets",
        kind,
        lambda text: text.here(_is_number) & (text.layout.depth > 0),
        "any digits inside brackets",
    )


def _here(test: Test) -> Callable[[Text], Mask]:
    return lambda text: text.here(test)


def _at(offset: int, test: Test) -> Callable[[Text], Mask]:
    return lambda text: text.at(offset, test)


def _both(first: Callable[[Text], Mask], second: Callable[[Text], Mask]) -> Callable[[Text], Mask]:
    return lambda text: first(text) & second(text)


def _first(n: int) -> Callable[[Text], Mask]:
    return lambda text: text.real & (text.position < n)


def _on_line(word: str) -> Callable[[Text], Mask]:
    return lambda text: text.real & (text.layout.line == word)


def _bare(piece: str) -> str:
    return piece.strip().lower()


def _is_token(members: frozenset[str]) -> Test:
    return members.__contains__


def _is_word(members: frozenset[str]) -> Test:
    return lambda piece: _bare(piece) in members


def _begins(part: str) -> Test:
    return lambda piece: _bare(piece)[: len(part)] == part


def _ends(part: str) -> Test:
    return lambda piece: _bare(piece)[-len(part) :] == part


def _has(part: str) -> Test:
    return lambda piece: _bare(piece).find(part) >= 0


def _is_number(piece: str) -> bool:
    return piece.strip().isdecimal()


def _is_capitals(piece: str) -> bool:
    word = piece.strip()
    return len(word) >= 2 and word.isalpha() and word == word.upper()


def _is_title(piece: str) -> bool:
    word = piece.strip()
    return len(word) >= 2 and word.isalpha() and word == word[0].upper() + word[1:].lower()


def _is_letter(piece: str) -> bool:
    return len(piece.strip()) == 1 and piece.strip().isalpha()


def _is_long(piece: str) -> bool:
    return len(piece.strip()) >= 3 and piece.strip().isalpha()


def _is_five(piece: str) -> bool:
    return len(piece.strip()) == 5 and piece.strip().isalpha()


def _is_double(piece: str) -> bool:
    word = _bare(piece)
    return word.isalpha() and any(a == b for a, b in itertools.pairwise(word))


def _is_hard(piece: str) -> bool:
    word = _bare(piece)
    return len(word) >= 2 and word.isalpha() and word.isascii() and not set("aeiouy") & set(word)


def _ends_soft(piece: str) -> bool:
    return _is_long(piece) and _bare(piece)[-1] in "aeiou"


_is_self = _is_word(frozenset(["self"]))
_is_the = _is_word(frozenset(["the"]))
_is_and = _is_word(frozenset(["and"]))
_is_open = _is_word(frozenset(["("]))
_is_stop = _is_word(frozenset(["."]))
_is_comma = _is_token(frozenset([","]))
_is_article = _is_token(frozenset([" the", " a", " an"]))
