"""Several SAEs in a row."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Literal, cast, get_args

import torch
from torch import Tensor, nn

from sae._config import STACKED, SAEConfig
from sae._errors import SAEError
from sae._model import SAE
from sae._sparse import SparseActs, positive_positions
from sae.stack._metadata import joint_metadata

Reads = Literal["x", "residual"]
"""What a stage's encoder takes: the activation, or what the stages before it left of it."""


class StackedSAE(SAE):
    """SAEs that add up: each one reconstructs what the ones before it left.

    Features lie in the order of the stages: those of stage 1 first, bit for bit what stage 1 alone gives. It is an SAE
    like any other to whoever encodes and decodes; its ``cfg.architecture`` is ``stacked``, and it has no tensors of its
    own: ``W_enc``, ``W_dec`` and ``b_dec`` are put together from the stages' when they are asked for.
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
        nn.Module.__init__(self)  # an SAE's own would ask for tensors
        _check(stages, reads)
        self._stages = nn.ModuleList(stages)
        self.reads: tuple[Reads, ...] = tuple(reads)
        first = stages[0].cfg
        self.cfg = SAEConfig(
            STACKED,
            first.d_in,
            sum(self.widths),
            dtype=first.dtype,
            metadata=joint_metadata([stage.cfg for stage in stages]),
        )

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
        return self.cfg.d_in

    @property
    def d_sae(self) -> int:
        """Features of all stages."""
        return self.cfg.d_sae

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.stages[0].device

    @property
    def W_enc(self) -> Tensor:  # type: ignore[override]  # noqa: N802
        """[d_in, d_sae]: a copy of the stages' encoders, a column a feature; some may read x, and others the rest."""
        return torch.cat([stage.W_enc for stage in self.stages], dim=1)

    @property
    def W_dec(self) -> Tensor:  # type: ignore[override]  # noqa: N802
        """[d_sae, d_in]: a copy of the stages' decoders, a row a feature."""
        return torch.cat([stage.W_dec for stage in self.stages])

    @property
    def b_dec(self) -> Tensor:  # type: ignore[override]
        """[d_in]: the sum of the stages'."""
        return torch.stack([stage.b_dec for stage in self.stages]).sum(dim=0)

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

    def up_to(self, number: int) -> StackedSAE:
        """Give the stack of the stages up to a number, from 1, which are shared."""
        return StackedSAE(self.stages[:number], self.reads[:number])

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
        n_subtracted = self._last_reading_residual(range(len(self.reads)))
        for number, (stage, reads) in enumerate(zip(self.stages, self.reads, strict=True)):
            features.append(stage.encode(residual if reads == "residual" else x))
            if number < n_subtracted:
                residual = residual - stage.decode(features[-1])
        return torch.cat(features, dim=-1)

    def encode_features(self, x: Tensor, features: Tensor) -> Tensor:
        """Turn activations into only some of the features; stages before one that reads the residual are needed whole.

        Args:
            x: [n, d_in].
            features: int64 [m], ids below d_sae, in any order.

        Returns:
            [n, m]: ``encode(x)[:, features]``, up to floating-point rounding.

        Raises:
            SAEError: The last dimension is not d_in, or a feature does not exist.
        """
        features = self._known(features)
        if x.shape[-1:] != (self.d_in,):
            raise SAEError(f"the last dimension of the input must be d_in={self.d_in}, found shape {tuple(x.shape)}")
        ends = torch.tensor(self.widths, device=features.device).cumsum(0)
        owner = torch.bucketize(features, ends, right=True)  # [m]: the number of each feature's stage, from 0
        n_subtracted = self._last_reading_residual(set(owner.tolist()))
        blocks = [self.stages[0].b_dec.new_zeros(0, len(features))]
        for _, rows in self._chunks(x):
            residual, found = rows, list[Tensor]()
            for number, (stage, reads) in enumerate(zip(self.stages, self.reads, strict=True)):
                own = features[owner == number] - (ends[number] - stage.cfg.d_sae)
                taken = residual if reads == "residual" else rows
                if number < n_subtracted:
                    whole = stage.encode(taken)
                    residual = residual - stage.decode(whole)
                    found.append(whole[:, own])
                else:
                    found.append(stage.encode_features(taken, own))
            blocks.append(torch.cat(found, dim=1))  # stage by stage
        return torch.cat(blocks)[:, owner.argsort(stable=True).argsort()]

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
        for start, rows in self._chunks(x):
            block = self.encode(rows)  # [rows, d_sae]
            found = positive_positions(block)
            positions.append(found + start * self.d_sae)
            values.append(block.view(-1)[found].float())
        flat = torch.cat(positions)
        return SparseActs(
            row=flat // self.d_sae, feature=flat % self.d_sae, value=torch.cat(values), n_rows=len(x), d_sae=self.d_sae
        )

    def decode(self, f: Tensor, *, x: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """Turn features back into an activation: the sum of what the stages make of theirs.

        Args:
            f: [..., d_sae].
            x: Not used: no stage normalises its inputs.

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

    def fingerprint(self) -> str:
        """Hash what decides an encoding: the stages' fingerprints, and what each one reads.

        Returns:
            A hex sha256.
        """
        digest = hashlib.sha256(b"stacked\n")
        for number, (stage, reads) in enumerate(zip(self.stages, self.reads, strict=True)):
            digest.update(f"{reads if number else 'x'} {stage.fingerprint()}\n".encode())
        return digest.hexdigest()

    def _last_reading_residual(self, wanted: Iterable[int]) -> int:
        """The last of some stages, from 0, that reads the residual: so many stages have to be subtracted for it."""
        return max((number for number in wanted if self.reads[number] == "residual"), default=0)


def _check(stages: Sequence[SAE], reads: Sequence[Reads]) -> None:
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
