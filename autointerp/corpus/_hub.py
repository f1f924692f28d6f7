"""A data set on the Hugging Face hub, streamed."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator

from autointerp.corpus._corpus import Tally
from autointerp.corpus._document import Document
from autointerp.corpus._files import no_column
from autointerp.errors import UsageError

_TIMEOUT_S = 10.0


def split_hub_spec(spec: str) -> tuple[str, str | None, str]:
    """Take ``hf:NAME``, ``hf:NAME:SPLIT`` or ``hf:NAME:CONFIG:SPLIT`` apart.

    Returns:
        The data set's name, its configuration (None for its default), and its split (``train`` by default).

    Raises:
        UsageError: It has another form.
    """
    parts = spec.removeprefix("hf:").split(":")
    if not all(parts) or len(parts) > 3:
        raise UsageError(f"{spec!r}: write a data set as hf:NAME, hf:NAME:SPLIT or hf:NAME:CONFIG:SPLIT.")
    config = parts[1] if len(parts) == 3 else None
    return parts[0], config, parts[-1] if len(parts) > 1 else "train"


def check_online(spec: str) -> None:
    """Refuse early when the libraries were told to stay offline.

    Raises:
        UsageError: ``HF_HUB_OFFLINE`` or ``HF_DATASETS_OFFLINE`` is set.
    """
    for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE"):
        if os.environ.get(name, "").upper() in {"1", "ON", "YES", "TRUE"}:
            raise UsageError(f"{spec}: {name} is set, so no data set can be fetched. Unset it, or give a local file.")


def read_hub(spec: str, column: str, _tally: Tally) -> Iterator[Document]:
    """The data set's rows, one document each; a missing value is an empty document.

    Args:
        spec: As for ``split_hub_spec``.
        column: The field that holds the text.

    Raises:
        UsageError: The network, the name or the column is not there.
    """
    name, config, split = split_hub_spec(spec)
    rows = _rows(spec, name, config, split)
    for number, row in enumerate(rows):
        if column not in row:
            raise no_column(spec, column, list(row))
        text = row[column]
        if not isinstance(text, str | None):
            raise UsageError(
                f"{spec}: column {column!r} holds {type(text).__name__}, not strings. Name the text with --column."
            )
        yield Document(text=text or "", source=f"{name}:{split}:{number}")


def _rows(spec: str, name: str, config: str | None, split: str) -> Iterator[dict[str, object]]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import datasets
            import huggingface_hub

            # datasets tries for half a minute, noisily, when there is no network or no such name.
            huggingface_hub.HfApi().dataset_info(name, timeout=_TIMEOUT_S)
            rows = datasets.load_dataset(name, config, split=split, streaming=True)
        yield from rows
    except Exception as error:  # the library's own, the client's and the network's errors have no common type
        first = (str(error).strip().splitlines() or [""])[0]
        raise UsageError(
            f"{spec}: can't be streamed from the hub ({type(error).__name__}: {first[:300]}). "
            "Check the name, the configuration, the split and the network, or give a local file."
        ) from error
