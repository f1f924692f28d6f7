"""The command line: a verb a file; each parses, calls one function of ``autointerp``, and prints one verdict."""

import os

# Idle OpenMP threads that spin cost a busy machine most of its speed; it must be set before torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

from autointerp.cli._app import main

__all__ = ["main"]
