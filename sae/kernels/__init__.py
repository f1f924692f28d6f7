"""Sums over active (row, feature) pairs, by whatever runs fastest."""

from sae.kernels._choose import Kernels, choose_kernels
from sae.kernels._row_updates import KeptRows, RowAdam, RowSums, row_norms, update_rows, updates_rows

__all__ = ["KeptRows", "Kernels", "RowAdam", "RowSums", "choose_kernels", "row_norms", "update_rows", "updates_rows"]
