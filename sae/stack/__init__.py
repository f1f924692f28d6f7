"""Stacked SAEs: each stage is trained on what the ones before it left unexplained, and those stay frozen.

This is Riggs's "freeze and iterate": a first SAE with few features an input, then another on ``x - reconstruction``
with a penalty, width and number of steps of its own, and so on. Features keep the order of the stages: the first
``d_sae`` of stage 1 come first, then those of stage 2; L0 adds up, and so do the reconstructions. A stack is an ``SAE``
to whoever encodes and decodes, and ``sae.load`` reads its folder.
"""

from __future__ import annotations

from sae.stack._concatenate import concatenate
from sae.stack._files import STACK_FILE, load_stack, load_stages, record_stages, save_stack, stage_folder
from sae.stack._stack import Reads, StackedSAE
from sae.stack._train import Stage, train_stack

__all__ = [
    "STACK_FILE",
    "Reads",
    "StackedSAE",
    "Stage",
    "concatenate",
    "load_stack",
    "load_stages",
    "record_stages",
    "save_stack",
    "stage_folder",
    "train_stack",
]
