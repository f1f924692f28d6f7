"""How well the SAE reconstructs, and what the model loses when the reconstruction takes the activation's place."""

from __future__ import annotations

import torch

from autointerp.evaluate._findings import Findings, Table
from autointerp.evaluate._setting import Setting
from autointerp.evaluate.suites.core._dead import dead_definitions
from autointerp.evaluate.suites.core._loss import LossMeans
from autointerp.evaluate.suites.core._reconstruction import ReconstructionMeans, reconstruct
from autointerp.harvest import load_features


@torch.no_grad()
def measure(setting: Setting) -> Findings:
    """Measure."""
    found = Findings()
    has_loss = setting.subject.kind == "decoder"
    reconstruction, losses = ReconstructionMeans(setting.mean_activation), LossMeans()
    for number, batch in enumerate(setting.batches("core")):
        clusters = setting.clusters(batch.rows)
        x = setting.subject.residuals(batch.tokens)[batch.kept]  # [n, d]
        decoded, l0 = reconstruct(setting.model, x)
        reconstruction.add(x, decoded, l0, batch.kept, clusters)
        if has_loss:
            losses.add(number, batch, decoded, setting, clusters)
    found.numbers += reconstruction.numbers()
    found.pictures["reconstruction"] = reconstruction.picture()
    found.notes.append(reconstruction.identity())
    if has_loss:
        found.numbers += losses.numbers()
        found.pictures["loss"] = losses.picture()
    else:
        found.notes.append(
            f"{setting.subject.name} is an encoder: it has no next-token loss, so what splicing costs is not measured."
        )
    table, numbers = dead_definitions(load_features(setting.run), setting.sketch.n_tokens, setting.seed)
    found.numbers += numbers
    found.tables["dead"] = Table(
        table,
        "Features counted as dead, by each definition in use; compare SAEs by one of them only, on as many tokens. A "
        "definition without numbers is one that the SAE's metadata does not answer.",
    )
    return found
