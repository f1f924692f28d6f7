"""From a run directory to a baseline."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from autointerp.errors import MismatchError, UsageError
from autointerp.gate._baseline import (
    RATES,
    Baseline,
    BaselineCorpus,
    BaselineFeature,
    BaselineGroup,
    BaselineLLM,
    BaselineModel,
    BaselineSAE,
    Noise,
    RateCount,
)
from autointerp.gate._direction import encode_direction
from autointerp.label import load_groups
from autointerp.run import LLMInput, RunDirectory, read_table
from autointerp.score import load_reliability

_T = TypeVar("_T")


def make_baseline(
    run: RunDirectory, decoder: NDArray[np.floating] | None = None, *, noise: Noise | None = None
) -> Baseline:
    """What later runs are compared with.

    Args:
        run: A labelled, better a scored, run.
        decoder: The SAE's decoder [d_sae, d_in]; None loads it from where the run says the SAE is.
        noise: A/A noise of labeler and judge (default: of the verified verdict, as ``reliability.json`` has it). Chains
            of rules alone have none, and say so by themselves.

    Raises:
        UsageError: The run has no labels, or its SAE has moved.
        MismatchError: The SAE is not the one that was run any more.
    """
    return snapshot(run, load_decoder(run) if decoder is None else decoder, noise=noise)


def snapshot(run: RunDirectory, decoder: NDArray[np.floating] | None, *, noise: Noise | None = None) -> Baseline:
    """A baseline, without decoder directions where no decoder is given."""
    manifest = run.read_manifest()
    sae = _present(manifest.sae, run, "sae")
    model = _present(manifest.model, run, "model")
    corpus = _present(manifest.corpus, run, "corpus")
    labeler = _present(manifest.labeler, run, "labeler")
    features = _features(run, decoder)
    rules_only = {llm.provider for llm in (labeler, manifest.judge) if llm is not None} == {"rules"}
    return Baseline(
        created=manifest.created,
        sae=BaselineSAE(sha256=sae.sha256, d_in=sae.d_in, d_sae=sae.d_sae),
        model=BaselineModel(name=model.name, fingerprint=model.fingerprint),
        hook_point=model.hook_point,
        corpus=BaselineCorpus(name=corpus.name, fingerprint=corpus.fingerprint, context_length=corpus.context_length),
        labeler=_llm(labeler),
        judge=None if manifest.judge is None else _llm(manifest.judge),
        versions=manifest.versions,
        groups={name: _group(ids, features) for name, ids in load_groups(run).items()},
        features=features,
        noise=noise or (Noise(flip_rate=0.0, n=0) if rules_only else _measured_noise(run)),
    )


def load_decoder(run: RunDirectory) -> NDArray[np.float32]:
    """The decoder of the run's SAE, [d_sae, d_in].

    Raises:
        UsageError: There is no SAE where the run says.
        MismatchError: There is another.
    """
    import sae

    recorded = _present(run.read_manifest().sae, run, "sae")
    place = run.find(recorded.path)
    try:
        model = sae.load(place)
    except sae.SAEError as error:
        if not Path(place).exists():
            raise UsageError(
                f"{recorded.path}: the SAE of {run.path} is not there any more. Put it back, or run again where it is "
                "now: decoder directions are needed to find its features in another SAE."
            ) from error
        raise UsageError(f"{recorded.path}: the SAE of {run.path} can't be read ({error}).") from error
    found = model.fingerprint()
    if found != recorded.sha256:
        raise MismatchError(
            f"the SAE at {recorded.path}, against {run.manifest_file}",
            expected=recorded.sha256,
            found=found,
            hint="It was replaced since the run; run again, or put the old one back.",
        )
    decoder: NDArray[np.float32] = model.W_dec.detach().float().cpu().numpy()
    return decoder


def _measured_noise(run: RunDirectory) -> Noise | None:
    measured = load_reliability(run)
    flips = None if measured is None else measured.verified.flip_rate
    if flips is None or flips["mean"] is None:
        return None
    return Noise(flip_rate=flips["mean"], n=int(flips["n"] or 0))


def _features(run: RunDirectory, decoder: NDArray[np.floating] | None) -> dict[int, BaselineFeature]:
    if not run.labels.exists():
        raise UsageError(f"{run.path}: no labels yet. Finish 'autointerp label --out {run.path} --resume' first.")
    labels, scores = _rows(run.labels), _rows(run.scores)
    selected = sorted({i for group in load_groups(run).values() for i in group})
    if decoder is not None and selected and selected[-1] >= len(decoder):
        raise UsageError(f"{run.path}: feature {selected[-1]} is selected; the decoder has {len(decoder)} rows.")
    return {
        feature: _feature(
            labels.get(feature, {}),
            scores.get(feature, {}),
            None if decoder is None else encode_direction(decoder[feature]),
        )
        for feature in selected
    }


def _feature(label: dict[str, Any], score: dict[str, Any], decoder: str | None) -> BaselineFeature:
    answered = label.get("outcome") == "ok"
    accuracy = score.get("balanced_accuracy")
    return BaselineFeature(
        label=(label.get("label") or "") if answered else "",
        verdict=(label.get("verdict") or "") if answered else "",
        outcome=label.get("outcome") or "",
        label_ok=label.get("verdict") == "MONOSEMANTIC" if answered else None,
        verified=score.get("verified"),
        robust=score.get("robust"),
        balanced_accuracy=None if accuracy is None or math.isnan(accuracy) else round(accuracy, 6),
        decoder=decoder,
    )


def _group(ids: list[int], features: dict[int, BaselineFeature]) -> BaselineGroup:
    counts = {}
    for rate in RATES:
        answers = [answer for i in ids if (answer := features[i].answer(rate)) is not None]
        counts[rate] = RateCount(k=sum(answers), n=len(answers))
    return BaselineGroup(features=ids, rates=counts)


def _rows(path: Path) -> dict[int, dict[str, Any]]:
    return {row["feature"]: row for row in read_table(path).to_pylist()} if path.exists() else {}


def _present(value: _T | None, run: RunDirectory, what: str) -> _T:
    if value is None:
        raise UsageError(f"{run.manifest_file}: {what} is missing. Finish 'autointerp label' first.")
    return value


def _llm(llm: LLMInput) -> BaselineLLM:
    return BaselineLLM(provider=llm.provider.removeprefix("replay:").removeprefix("batch:"), prompt=llm.prompt)
