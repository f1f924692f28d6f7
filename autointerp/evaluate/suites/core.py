"""How well the SAE reconstructs, and what the model loses when the reconstruction takes the activation's place."""

from __future__ import annotations

import torch

from autointerp.evaluate._estimates import TokenMeans
from autointerp.evaluate._findings import Findings
from autointerp.evaluate._setting import Setting
from autointerp.evaluate._splice import predict


@torch.no_grad()
def measure(setting: Setting) -> Findings:
    """Measure."""
    means, found = TokenMeans(), Findings()
    for batch in setting.batches("core"):
        clusters = setting.clusters(batch.rows)
        features = setting.model.encode(setting.subject.residuals(batch.tokens))  # [b, t, d_sae]
        means.add("l0", (features > 0).sum(dim=-1), batch.kept, clusters)
        original = predict(setting.subject, batch)
        spliced = predict(setting.subject, batch, setting.model)
        means.add("ce_difference", spliced.loss - original.loss, original.counts, clusters)
    found.number("l0", means.mean("l0"), "Features that fire for a token, on average.")
    found.number("ce_difference", means.mean("ce_difference"), "Loss that splicing the SAE in adds, nats a token.")
    return found
