"""Every token of a vocabulary as the text that it stands for."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_BYTE = re.compile(r"<0x([0-9A-Fa-f]{2})>")
_Scheme = Literal["byte_level", "wordpiece", "metaspace"]


def vocabulary_pieces(tokenizer: PreTrainedTokenizerBase, size: int) -> list[str]:
    """The text of every token id, each readable alone.

    A byte-level token gives its bytes as UTF-8 (a part of a character as U+FFFD), a SentencePiece token its text with
    ``▁`` as a space and ``<0x0A>`` as that byte, a WordPiece token its word with a space in front unless it starts
    with ``##``. Special tokens keep their names.

    Args:
        tokenizer: A transformers tokenizer.
        size: How many ids the model takes; those that the tokenizer does not know are named ``<id 123>``.
    """
    scheme = _scheme(tokenizer)
    added = {number: str(token.content) for number, token in tokenizer.added_tokens_decoder.items()}
    names = tokenizer.convert_ids_to_tokens(list(range(min(size, len(tokenizer)))))
    pieces = []
    for number in range(size):
        name = names[number] if number < len(names) else None
        if number in added:
            pieces.append(added[number])
        elif name is None:
            pieces.append(f"<id {number}>")
        else:
            pieces.append(_text(name, scheme))
    return pieces


def _scheme(tokenizer: PreTrainedTokenizerBase) -> _Scheme:
    """How token names were made, told from the tokenizer's decoder."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    decoder = json.dumps(json.loads(backend.to_str())["decoder"]) if backend is not None else ""
    if '"ByteLevel"' in decoder:
        return "byte_level"
    if '"WordPiece"' in decoder:
        return "wordpiece"
    return "metaspace"


def _text(name: str, scheme: _Scheme) -> str:
    if scheme == "byte_level":
        if all(character in _BYTE_OF for character in name):
            return bytes(_BYTE_OF[character] for character in name).decode("utf-8", "replace")
        return name
    if scheme == "wordpiece":
        return name[2:] if name.startswith("##") else f" {name}"
    byte = _BYTE.fullmatch(name)
    if byte:
        return bytes([int(byte[1], 16)]).decode("utf-8", "replace")
    return name.replace("▁", " ")


def _byte_characters() -> dict[str, int]:
    """GPT-2's printable character for each byte: itself where it is visible, else the next free one from U+0100."""
    visible = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(0x100) if byte not in visible]
    return {chr(byte): byte for byte in visible} | {chr(0x100 + i): byte for i, byte in enumerate(hidden)}


_BYTE_OF = _byte_characters()
