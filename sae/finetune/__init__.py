"""Fine-tuning what an SAE says while keeping when it says it: the encoder is frozen, the decoder learns.

An L1 penalty shrinks activations; a factor per feature, or a new decoder, trained on the squared error alone, undoes
that (Wright and Sharkey, "Addressing Feature Suppression in SAEs", 2024). ``least_squares`` finds the best one in
closed form; ``gradient_steps`` needs no [d_sae, d_sae] matrix and goes there in steps. Both write the result into the
decoder, so ``encode`` gives the same bits as before.
"""

from __future__ import annotations

from sae.finetune._frozen import FineTuned, Tune, check_tunable
from sae.finetune._gradient import gradient_steps
from sae.finetune._least_squares import least_squares, least_squares_bytes

__all__ = ["FineTuned", "Tune", "check_tunable", "gradient_steps", "least_squares", "least_squares_bytes"]
