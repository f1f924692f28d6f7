"""What a labeler has to answer."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from autointerp.run import INVISIBLE

POLYSEMANTIC = "POLYSEMANTIC"
MONOSEMANTIC = "MONOSEMANTIC"


class LabelReply(BaseModel):
    """One feature's label, as the model gives it. Bounds are checked here, whatever the provider promises."""

    model_config = ConfigDict(extra="forbid")

    reasoning: Annotated[str, Field(max_length=1500)]
    """Four times what the prompt asks for; kept as one line, with what is invisible in it escaped."""
    verdict: Literal["MONOSEMANTIC", "POLYSEMANTIC"]
    label: Annotated[str, Field(max_length=80)]
    """2 to 8 words of visible characters on one line; without meaning when the verdict is POLYSEMANTIC."""
    confidence: Annotated[int, Field(ge=1, le=5)]
    evidence: list[int]
    """Numbers of contexts."""

    @model_validator(mode="after")
    def _label_fits(self) -> Self:
        if self.verdict == POLYSEMANTIC:
            return self
        if not self.label.isprintable() or INVISIBLE.search(self.label):
            raise ValueError("label: only printable, visible characters are allowed")
        if not 2 <= len(self.label.split()) <= 8:
            raise ValueError(f"label: needs 2 to 8 words, has {len(self.label.split())}")
        if POLYSEMANTIC in self.label.upper():
            raise ValueError("label: says POLYSEMANTIC, the verdict says MONOSEMANTIC")
        return self
