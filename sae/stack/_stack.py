"""Several SAEs in a row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, cast, get_args

import torch
from torch import Tensor, nn

from sae._errors import SAEError
from sae._model import CHUNK_ELEMENTS, SAE
from sae._sparse import SparseActs, positive_positions

Reads = Literal["x", "residual"]
"""What a stage's encoder takes: the activation, or what the stages before it left of it."""


class StackedSAE(nn.Module):
    """SAEs that add up: each one reconstructs what the ones before it left.

    Features lie in the order of the stages: those of stage 1 first, bit for bit what stage 1 alone gives.
    """

    def __init__(self, stages: Sequence[SAE], reads: Sequence[Reads]) -> None:
        """Stack SAEs.

        Args:
            stages: At least one, of one d_in.
            reads: What each one's encoder takes; to the first, both are the same.

        Raises:
            SAEError: There is no stage, the numbers of stages and of ``reads`` differ, a stage has another d_in, or it
                normalises its inputs by itself.
        """
        super().__init__()
        if not stages or len(stages) != len(reads):
            raise SAEError(f"a stack needs stages, and one of `reads` for each; found {len(stages)} and {len(reads)}")
        for number, (stage, read) in enumerate(zip(stages, reads, strict=True), start=1):
            if stage.cfg.d_in != stages[0].cfg.d_in:
                raise SAEError(f"stage 1 has d_in={stages[0].cfg.d_in}, but stage {number} has {stage.cfg.d_in}")
            if stage.cfg.normalize_activations != "none":
                raise SAEError(
                    f"stage {number} has normalize_activations={stage.cfg.normalize_activations!r}: only SAEs that "
                    "reconstruct raw activations ('none') can be stacked"
                )
            if read not in get_args(Reads):
                raise SAEError(f"an encoder reads {' or '.join(get_args(Reads))}; found {read!r} for stage {number}")
        self._stages = nn.ModuleList(stages)
        self.reads: tuple[Reads, ...] = tuple(reads)

    @property
    def stages(self) -> tuple[SAE, ...]:
        """The SAEs, first to last."""
        return tuple(cast("SAE", stage) for stage in self._stages)

    @property
    def widths(self) -> list[int]:
        """Features of each stage."""
        return [stage.cfg.d_sae for stage in self.stages]

    @property
    def d_in(self) -> int:
        """Length of an activation."""
        return self.stages[0].cfg.d_in

    @property
    def d_sae(self) -> int:
        """Features of all stages."""
        return sum(self.widths)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.stages[0].b_dec.device

    def followed_by(self, stage: SAE, reads: Reads) -> StackedSAE:
        """Give the stack with one more stage.

        Args:
            stage: Trained on ``residual(x)``.
            reads: What its encoder takes.

        Returns:
            A new stack that shares the stages.

        Raises:
            SAEError: The stage does not fit.
        """
        return StackedSAE([*self.stages, stage], [*self.reads, reads])

    def encode(self, x: Tensor) -> Tensor:
        """Turn activations into the features of all stages.

        Args:
            x: [..., d_in].

        Returns:
            [..., d_sae], not negative, stage by stage.

        Raises:
            SAEError: The last dimension is not d_in.
        """
        residual, features = x, list[Tensor]()
        for number, (stage, reads) in enumerate(zip(self.stages, self.reads, strict=True), start=1):
            features.append(stage.encode(residual if reads == "residual" else x))
            if number < len(self.stages):
                residual = residual - stage.decode(features[-1])
        return torch.cat(features, dim=-1)

    @torch.no_grad()
    def encode_sparse(self, x: Tensor) -> SparseActs:
        """Turn activations into the features that fire, holding only one dense block at a time.

        Args:
            x: [n, d_in].

        Returns:
            The activations above zero, sorted by row, then by feature: those of ``encode``.

        Raises:
            SAEError: ``x`` is not [n, d_in].
        """
        if x.ndim != 2:
            raise SAEError(f"encode_sparse takes [n, d_in={self.d_in}], found {tuple(x.shape)}")
        positions = [torch.empty(0, dtype=torch.int64, device=x.device)]
        values = [torch.empty(0, device=x.device)]
        for start in range(0, len(x), self._n_chunk()):
            block = self.encode(x[start : start + self._n_chunk()])  # [rows, d_sae]
            found = positive_positions(block)
            positions.append(found + start * self.d_sae)
            values.append(block.view(-1)[found].float())
        flat = torch.cat(positions)
        return SparseActs(
            row=flat // self.d_sae, feature=flat % self.d_sae, value=torch.cat(values), n_rows=len(x), d_sae=self.d_sae
        )

    def decode(self, f: Tensor) -> Tensor:
        """Turn features back into an activation: the sum of what the stages make of theirs.

        Args:
            f: [..., d_sae].

        Returns:
            [..., d_in].

        Raises:
            SAEError: The last dimension is not d_sae.
        """
        if f.shape[-1] != self.d_sae:
            raise SAEError(f"the last dimension of the features must be d_sae={self.d_sae}, found {f.shape[-1]}")
        first, *others = zip(self.stages, torch.split(f, self.widths, dim=-1), strict=True)
        reconstruction = first[0].decode(first[1])
        for stage, part in others:
            reconstruction = reconstruction + stage.decode(part)
        return reconstruction

    def forward(self, x: Tensor) -> Tensor:
        """Reconstruct activations.

        Args:
            x: [..., d_in].

        Returns:
            [..., d_in].
        """
        return self.decode(self.encode(x))

    @torch.no_grad()
    def residual(self, x: Tensor) -> Tensor:
        """Give what all stages together leave of activations, a block at a time.

        Args:
            x: [n, d_in], on any device.

        Returns:
            [n, d_in], where the stack is.
        """
        blocks = torch.split(x.to(self.device), self._n_chunk())
        return torch.cat([block - self(block) for block in blocks])

    def _n_chunk(self) -> int:
        return max(1, CHUNK_ELEMENTS // self.d_sae)
