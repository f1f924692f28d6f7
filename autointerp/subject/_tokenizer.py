"""The subject's tokenizer: ids of plain text, text of ids, and which special tokens it really has."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from autointerp.errors import UsageError
from autointerp.subject._pieces import vocabulary_pieces
from autointerp.subject._source import first_line

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


class SubjectTokenizer:
    """A transformers tokenizer, read before transformer_lens gives it special tokens that it does not have."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, d_vocab: int) -> None:
        """Args: the tokenizer as saved with the model, and how many ids the model takes."""
        self._tokenizer, self._d_vocab = tokenizer, d_vocab
        bos = tokenizer.bos_token_id
        self.bos_id: int | None = tokenizer.cls_token_id if bos is None else bos
        """BOS, or CLS where there is no BOS, or None."""
        own_pad = tokenizer.pad_token_id
        others = {tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.cls_token_id, tokenizer.sep_token_id}
        self.has_own_pad: bool = own_pad is not None and own_pad not in others
        """Whether padding has a token that is used for nothing else, so that a mask can be told from the ids."""
        self.pad_id: int = next((number for number in (own_pad, self.bos_id) if number is not None), 0)
        """The padding token, or BOS, or 0."""

    def encode(self, text: str) -> list[int]:
        """Token ids of a text; what looks like a special token in it is plain text too."""
        found = self._tokenizer(
            text, add_special_tokens=False, split_special_tokens=True, truncation=False, verbose=False
        )
        return list(found["input_ids"])

    def pieces(self, ids: Sequence[int]) -> list[str]:
        """Each id's own text.

        Raises:
            UsageError: An id is outside the vocabulary.
        """
        texts = self._vocabulary
        outside = [number for number in ids if not 0 <= number < len(texts)]
        if outside:
            raise UsageError(f"token id {outside[0]} is outside the vocabulary of {len(texts)}. Use ids of this model.")
        return [texts[number] for number in ids]

    @cached_property
    def _vocabulary(self) -> list[str]:
        return vocabulary_pieces(self._tokenizer, self._d_vocab)


def read_tokenizer(folder: Path) -> tuple[PreTrainedTokenizerBase, PreTrainedTokenizerBase]:
    """Load a model folder's tokenizer twice over: one to keep as it is, one for transformer_lens to change.

    Raises:
        UsageError: The folder has none, or it can't be read.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except Exception as error:  # its failures have no common type
        raise UsageError(
            f"{folder}: its tokenizer can't be loaded ({first_line(error)}). Put tokenizer.json beside the weights."
        ) from error
    return tokenizer, copy.deepcopy(tokenizer)
