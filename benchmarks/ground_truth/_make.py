"""Run directories with planted features, ready to be labelled by anyone."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import sae
from autointerp.corpus import Windows, build_windows, open_corpus
from autointerp.harvest import ContextConfig, HarvestConfig, harvest, load_features, write_contexts
from autointerp.run import CorpusInput, Manifest, ModelInput, RunDirectory, SAEInput
from autointerp.subject import Subject, load_subject
from benchmarks.ground_truth._known import look, vocabulary
from benchmarks.ground_truth._plan import plan
from benchmarks.ground_truth._subject import HOOK_POINT, PlantedSubject, planted_sae
from benchmarks.ground_truth._truth import Truth

CONTEXT_LENGTH = 128
BATCH_WINDOWS = 128
FEATURES = "planted"
"""What the run's manifest says was selected."""
_SORTS = ("single", "union", "bottom", "noise", "position 0", "position twin")


def make(folder: Path, *, corpus: str, n_tokens: int, seed: int) -> RunDirectory:
    """Plant features in a corpus, harvest them and write their contexts; ``truth.json`` lies beside.

    Args:
        folder: The run directory; one that is there is replaced.
        corpus: As for ``autointerp harvest``.
        n_tokens: Tokens to read.
        seed: Of the plan, the strengths and the noise.
    """
    shutil.rmtree(folder, ignore_errors=True)
    run = RunDirectory(folder)
    tokenizer = bundled()
    words = vocabulary(tokenizer)
    windows = build_windows(
        open_corpus(corpus),
        tokenizer,
        context_length=CONTEXT_LENGTH,
        prepend_bos=True,
        n_tokens=n_tokens,
        out=run.windows,
    )
    known = look(windows, words, seed=seed)
    truth = Truth(
        corpus=Path(windows.corpus_name).name,
        n_tokens=windows.n_tokens,
        seed=seed,
        meanings=tuple(known.meanings.values()),
        left_out=known.left_out,
        features=tuple(plan(known, seed=seed)),
    )
    truth.write(folder)
    subject = PlantedSubject(truth.features, known.predicates, words, tokenizer, seed=seed)
    _harvest(run, subject, windows, corpus=corpus, seed=seed)
    return run


def bundled() -> Subject:
    """The bundled model; only its tokens are used."""
    return load_subject("bundled", hook_point="blocks.0.hook_resid_pre", threads=None)


def _harvest(run: RunDirectory, subject: PlantedSubject, windows: Windows, *, corpus: str, seed: int) -> None:
    started = time.monotonic()
    model = planted_sae(subject.d_model)
    sae.save(model, run.path / "sae")
    _describe(run, model, subject, windows, corpus=corpus, seed=seed)
    run.finish("windows", 0.0)
    config = HarvestConfig(seed=seed, batch_windows=BATCH_WINDOWS)
    harvest(run, model=model, subject=subject, windows=windows, config=config)
    run.finish("harvest", time.monotonic() - started)
    features = load_features(run)
    alive = features.loc[~features["dead_never"] & features["duplicate_of"].isna(), "feature"].tolist()
    groups = {sort: [one.feature for one in subject.features if one.sort == sort] for sort in _SORTS}
    chosen = {sort: sorted(set(ids) & set(alive)) for sort, ids in groups.items()}
    started = time.monotonic()
    write_contexts(run, alive, model=model, subject=subject, windows=windows, config=ContextConfig(seed=seed))

    def record(manifest: Manifest) -> None:
        manifest.config["features"] = FEATURES
        manifest.config["groups"] = {sort: ids for sort, ids in chosen.items() if ids}

    run.update(record)
    run.finish("contexts", time.monotonic() - started)


def _describe(
    run: RunDirectory, model: sae.SAE, subject: PlantedSubject, windows: Windows, *, corpus: str, seed: int
) -> None:
    """Write the manifest as ``autointerp harvest`` would, so that ``autointerp label --resume`` goes on from here."""

    def describe(manifest: Manifest) -> None:
        path = str(run.path / "sae")
        manifest.seed = seed
        manifest.config["options"] = {
            "sae": path, "model": "bundled", "hook_point": HOOK_POINT, "corpus": corpus, "column": None,
            "n_tokens": windows.n_tokens, "seed": seed, "keep_bos": False,
        }  # fmt: skip
        manifest.sae = SAEInput(
            path=path,
            sha256=model.fingerprint(),
            architecture=model.cfg.architecture,
            d_in=model.cfg.d_in,
            d_sae=model.cfg.d_sae,
        )
        manifest.model = ModelInput(
            name=subject.name,
            fingerprint=subject.fingerprint,
            hook_point=HOOK_POINT,
            weight_processing=subject.weight_processing,
        )
        manifest.corpus = CorpusInput(
            name=windows.corpus_name,
            n_tokens=windows.n_tokens,
            n_windows=windows.n_windows,
            context_length=CONTEXT_LENGTH,
            prepend_bos=True,
            fingerprint=windows.fingerprint,
        )

    run.update(describe)
