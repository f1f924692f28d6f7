"""Which features fire where in a text that somebody typed."""

from __future__ import annotations

import numpy as np
import torch

from autointerp.errors import UsageError
from autointerp.view._machine import Machine
from autointerp.view._opened import Opened

MAX_CHARACTERS = 20_000
N_FEATURES = 50
"""Shown, the strongest first."""


def fire(opened: Opened, machine: Machine, text: str) -> dict[str, object]:
    """Run model and SAE on a text.

    Args:
        opened: The run.
        machine: Its SAE and model.
        text: At most as many tokens of it are read as a window of the run has; more is cut off.

    Returns:
        ``tokens``, ``features`` with an activation a token, and whether the text was ``truncated``. What the harvest
        leaves out (BOS) is left out here, too.

    Raises:
        AutointerpError: There is no text, or SAE or model can't be had.
    """
    corpus = opened.manifest.corpus
    if corpus is None:
        raise UsageError("the run does not say how its windows were cut")
    subject = machine.subject
    ids = subject.encode(text[:MAX_CHARACTERS])
    if not ids:
        raise UsageError("there is no text to read")
    has_bos = corpus.prepend_bos and subject.bos_id is not None
    room = corpus.context_length - has_bos
    bos = [subject.bos_id] if has_bos else []
    acts = machine.activations(torch.tensor([bos + ids[:room]]))
    dense = np.zeros((acts.n_rows, acts.d_sae), np.float32)
    dense[acts.row.cpu().numpy(), acts.feature.cpu().numpy()] = acts.value.cpu().numpy()
    dense = dense[len(bos) :]  # [t, F]
    strength = dense.max(axis=0)
    best = [int(i) for i in np.argsort(-strength, kind="stable")[:N_FEATURES] if strength[i] > 0]
    return {
        "tokens": subject.pieces(ids[:room]),
        "features": [
            {"feature": i, "label": opened.labels[i].label if i in opened.labels else None, "max": strength[i],
             "activations": dense[:, i]}
            for i in best
        ],
        "truncated": len(ids) > room or len(text) > MAX_CHARACTERS,
    }  # fmt: skip
