"""Reading a stream of tensors in pieces of another size."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from sae._errors import SAEError


class RowReader:
    """Hands out the rows of a stream of [n, d_in] tensors, as many at a time as asked for."""

    def __init__(self, source: Iterable[Tensor], *, pending: Tensor | None = None) -> None:
        """Start before the first row.

        Args:
            source: Tensors [n, d_in] of one d_in; n may vary, and be 0.
            pending: [n, d_in]: rows to hand out before those of the source.
        """
        self._source = iter(source)
        self._left = pending  # the rest of the current tensor
        self.n_read = 0
        """Rows handed out so far."""

    def take(self, n: int) -> Tensor | None:
        """Hand out the next rows.

        Args:
            n: How many, at least 1.

        Returns:
            [n, d_in], fewer rows where the stream ends, None after its end.

        Raises:
            SAEError: A tensor is not [n, d_in] floating point, or its d_in differs from the ones before.
        """
        pieces: list[Tensor] = []
        missing = n
        while missing:
            if self._left is None or not len(self._left):
                following = next(self._source, None)
                if following is None:
                    break
                self._left = self._checked(following)
            piece, self._left = self._left[:missing], self._left[missing:]
            pieces.append(piece)
            missing -= len(piece)
        self.n_read += n - missing
        if n == missing:
            return None
        return pieces[0] if len(pieces) == 1 else torch.cat(pieces)

    def peek(self, n: int) -> Tensor | None:
        """Look at the next rows, as ``take`` gives them, without handing them out."""
        rows = self.take(n)
        if rows is not None:
            self._left = rows if self._left is None or not len(self._left) else torch.cat([rows, self._left])
            self.n_read -= len(rows)
        return rows

    def skip(self, n: int) -> None:
        """Read past the next rows; at the end of the stream, stop there."""
        while n > 0:
            rows = self.take(min(n, 8192))
            if rows is None:
                return
            n -= len(rows)

    def pending(self) -> Tensor | None:
        """Give a copy of the rows that were read from the source and not handed out: [n, d_in], or None."""
        return None if self._left is None or not len(self._left) else self._left.clone()

    def _checked(self, rows: Tensor) -> Tensor:
        if rows.ndim != 2 or not rows.is_floating_point():
            raise SAEError(f"expected floating-point tensors [n, d_in], found {rows.dtype} {tuple(rows.shape)}")
        if self._left is not None and rows.shape[1] != self._left.shape[1]:
            raise SAEError(
                f"all tensors must have the same d_in: expected {self._left.shape[1]}, found {rows.shape[1]}"
            )
        return rows
