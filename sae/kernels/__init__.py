"""Sums over active (row, feature) pairs, by whatever runs fastest."""

from sae.kernels._choose import Kernels, choose_kernels

__all__ = ["Kernels", "choose_kernels"]
