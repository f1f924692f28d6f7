"""The inputs of a run, opened and held against each other and against what the run directory already says."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict

import sae
from autointerp.corpus import Windows, build_windows, open_corpus
from autointerp.errors import MismatchError, UsageError
from autointerp.harvest import HarvestConfig
from autointerp.run import CorpusInput, Manifest, ModelInput, Progress, RunDirectory, SAEInput
from autointerp.subject import BridgeSubject, check_hook_points, load_subject

DEFAULT_TOKENS = 1_000_000
DEFAULT_CONTEXT = 128


class TextOptions(TypedDict, total=False):
    """The text that an SAE is studied on, and the model that reads it; None as in ``Options``.

    Keys:
        model: Subject model: ``bundled``, a hub name or a local folder (default: the SAE's metadata).
        corpus: ``python``, a .txt/.jsonl/.parquet file or ``hf:NAME`` (default: the SAE's metadata).
        column: Text column of the corpus (default ``text``).
        seed: Of every random choice (default 0).
        threads: CPU threads for torch, where the model is read.
    """

    model: str | None
    corpus: str | None
    column: str | None
    seed: int | None
    threads: int | None


class InputOptions(TextOptions, total=False):
    """The same, and the place in the model and the positions that count.

    Keys:
        hook_point: Where the SAE reads (default: the SAE's metadata, which it must agree with).
        keep_bos: Count BOS and first positions (default: they are left out).
    """

    hook_point: str | None
    keep_bos: bool | None


@dataclass(frozen=True)
class Options:
    """What the caller asked for; None means: as the run says, else as the SAE says, else the default."""

    sae: str | None = None
    model: str | None = None
    hook_point: str | None = None
    corpus: str | None = None
    column: str | None = None
    n_tokens: int | None = None
    seed: int | None = None
    keep_bos: bool | None = None
    device: str = "cpu"
    threads: int | None = None


@dataclass
class Inputs:
    """A run directory with its SAE, subject model and windows opened."""

    run: RunDirectory
    model: sae.SAE
    options: Options
    """As resolved: nothing is None but the column."""
    config: HarvestConfig
    _subject: BridgeSubject | None = field(default=None, repr=False)

    @property
    def subject(self) -> BridgeSubject:
        """The language model, loaded when first asked for."""
        if self._subject is None:
            self._subject = _load_subject(self.model.cfg, self.options)
        return self._subject

    @property
    def windows(self) -> Windows:
        """The corpus as windows."""
        return Windows.open(self.run.windows)


def claim(run: RunDirectory, *, resume: bool) -> None:
    """Refuse a run directory that exists, unless it is to be resumed.

    Raises:
        UsageError: There is a run and ``resume`` is false, or the folder holds something else.
    """
    if run.exists:
        only_estimated = bool(run.read_manifest().config.get("dry_run"))
        if not resume and not only_estimated:
            raise UsageError(
                f"{run.path}: a run is already there. Add --resume to go on with it, or choose another --out."
            )
    elif run.path.exists() and not run.path.is_dir():
        raise UsageError(f"{run.path}: is a file. Choose another --out.")
    elif run.path.is_dir() and not all(_is_ours(entry.name) for entry in run.path.iterdir()):
        raise UsageError(f"{run.path}: is not empty and holds no run. Choose another --out.")


def _is_ours(name: str) -> bool:
    """Whether a run that was killed before its manifest was written may have left a file of this name."""
    return name in {".lock", "windows", "harvest", "sae"} or (name.startswith(".run.json.") and name.endswith(".tmp"))


def open_inputs(run: RunDirectory, options: Options, progress: Progress) -> Inputs:
    """Open everything a run needs, building its windows when they are not there yet.

    Args:
        run: The run directory, new or begun.
        options: What the caller asked for.
        progress: Listener.

    Raises:
        UsageError: An input is missing or can't be used.
        MismatchError: Inputs disagree with each other or with the run.
    """
    _check_names({"--out": str(run.path), "--sae": options.sae, "--model": options.model, "--corpus": options.corpus})
    manifest = run.read_manifest() if run.exists else None
    named, options = options.sae, _resolve(options, manifest)
    assert options.sae is not None
    model = sae.load(named or run.find(options.sae), device=options.device)
    fingerprint = model.fingerprint()
    if manifest is not None and manifest.sae is not None and manifest.sae.sha256 != fingerprint:
        raise MismatchError(
            f"{run.path}: the SAE {options.sae}",
            expected=manifest.sae.sha256[:16],
            found=fingerprint[:16],
            hint="The run was made with other weights; choose another --out.",
        )
    options = _complete(options, model.cfg)
    inputs = Inputs(run, model, options, HarvestConfig(seed=options.seed or 0, keep_bos=bool(options.keep_bos)))
    if not run.is_done("windows"):
        _begin(inputs, fingerprint, progress)
    return inputs


def _check_names(names: Mapping[str, str | None]) -> None:
    """Refuse names that no file of a run can hold: a file system takes any bytes."""
    for option, name in names.items():
        try:
            (name or "").encode()
        except UnicodeEncodeError as error:
            raise UsageError(f"{option} {name!r}: is not UTF-8, so a run can't record it. Rename it.") from error


def _resolve(options: Options, manifest: Manifest | None) -> Options:
    """Fill what was not said from the run's own config; what was said must agree with it."""
    if manifest is None or not manifest.config:
        if options.sae is None:
            raise UsageError("--sae: name the SAE (a folder or file); a new run needs one.")
        return options
    known = manifest.config.get("options")
    if not isinstance(known, dict):
        return options
    values: dict[str, object] = {}
    for name in ("sae", "model", "hook_point", "corpus", "column", "n_tokens", "seed", "keep_bos"):
        asked, recorded = getattr(options, name), known.get(name)
        if name == "sae":  # the same weights may lie elsewhere now; their hash is checked
            values[name] = asked or recorded
        elif asked is not None and asked != recorded:
            raise MismatchError(
                f"--{name.replace('_', '-').removeprefix('n-')} and the run",
                expected=recorded,
                found=asked,
                hint="A run keeps its inputs; leave the option out, or choose another --out.",
            )
        else:
            values[name] = recorded
    return Options(**values, device=options.device, threads=options.threads)  # type: ignore[arg-type]


def _complete(options: Options, cfg: sae.SAEConfig) -> Options:
    """Take from the SAE's metadata what neither caller nor run said; where both speak they must agree."""
    meta = cfg.metadata
    model = options.model or meta.model_name
    if model is None:
        raise UsageError(f"--model: {options.sae} does not say which model it was trained on. Name it.")
    if (
        options.model
        and meta.model_name
        and options.model != meta.model_name
        and not _may_be_a_copy(options.model, meta)
    ):
        raise MismatchError(
            "--model and the SAE's metadata",
            expected=meta.model_name,
            found=options.model,
            hint="Use the SAE's own model (a local copy may be given as a folder).",
        )
    hook_point = options.hook_point or meta.hook_name
    if hook_point is None:
        raise UsageError(
            f"--hook-point: {options.sae} does not say where it reads. Name it, e.g. blocks.6.hook_resid_pre."
        )
    corpus = options.corpus or meta.dataset_path
    if corpus is None:
        raise UsageError(
            f"--corpus: {options.sae} does not say what it was trained on. Name python, a file, or hf:NAME."
        )
    if options.corpus is None and corpus != "python" and ":" not in corpus and not Path(corpus).exists():
        corpus = f"hf:{corpus}"
    return Options(
        sae=options.sae,
        model=model,
        hook_point=hook_point,
        corpus=corpus,
        column=options.column,
        n_tokens=DEFAULT_TOKENS if options.n_tokens is None else options.n_tokens,
        seed=options.seed or 0,
        keep_bos=bool(options.keep_bos),
        device=options.device,
        threads=options.threads,
    )


def _may_be_a_copy(model: str, meta: sae.SAEMetadata) -> bool:
    """Whether a model may be the one that the SAE names otherwise: in a folder, here or where the SAE was trained."""
    if model == "bundled":
        return str(meta.model_name).endswith("bundled")
    return Path(model).is_dir()


def _load_subject(cfg: sae.SAEConfig, options: Options) -> BridgeSubject:
    assert options.model is not None
    assert options.hook_point is not None
    meta = cfg.metadata
    subject = load_subject(
        options.model,
        hook_point=options.hook_point,
        weight_processing=meta.weight_processing or "raw",
        device=options.device,
        threads=options.threads,
    )
    if meta.hook_name is not None:
        check_hook_points(meta.hook_name, options.hook_point, subject.n_layers)
    if subject.d_model != cfg.d_in:
        raise MismatchError(
            f"the SAE's d_in and the width of {options.hook_point} in {options.model}",
            expected=cfg.d_in,
            found=subject.d_model,
            hint="This SAE belongs to another model or hook point.",
        )
    trained_on = meta.extra.get("model_fingerprint")
    if trained_on is not None and trained_on != subject.fingerprint:
        raise MismatchError(
            f"the weights of {options.model}",
            expected=str(trained_on)[:16],
            found=subject.fingerprint[:16],
            hint="The SAE was trained on other weights of this model.",
        )
    return subject


def _begin(inputs: Inputs, fingerprint: str, progress: Progress) -> None:
    """Build the windows and write the manifest's account of all inputs."""
    cfg, options, run = inputs.model.cfg, inputs.options, inputs.run
    assert options.corpus is not None
    assert options.n_tokens is not None
    started = time.monotonic()
    corpus = open_corpus(options.corpus, column=options.column)
    subject = inputs.subject
    context_length = cfg.metadata.context_size or min(DEFAULT_CONTEXT, subject.max_context)
    if context_length > subject.max_context:
        raise MismatchError(
            f"the context length of the SAE's metadata and the longest that {options.model} takes",
            expected=context_length,
            found=subject.max_context,
            hint="This SAE was trained on another model.",
        )
    prepend_bos = subject.bos_id is not None if cfg.metadata.prepend_bos is None else cfg.metadata.prepend_bos
    with progress.stage("windows", "tokens") as tick:
        windows = build_windows(
            corpus,
            subject,
            context_length=context_length,
            prepend_bos=prepend_bos,
            n_tokens=options.n_tokens,
            out=run.windows,
            progress=tick,
        )
    for note in windows.notes:
        progress.say(note)
    _check_text(run, windows)

    def describe(manifest: Manifest) -> None:
        manifest.seed = options.seed or 0
        manifest.config["options"] = {
            "sae": options.sae, "model": options.model, "hook_point": options.hook_point, "corpus": options.corpus,
            "column": options.column, "n_tokens": options.n_tokens, "seed": options.seed, "keep_bos": options.keep_bos,
        }  # fmt: skip
        manifest.sae = SAEInput(
            path=str(options.sae), sha256=fingerprint, architecture=cfg.architecture, d_in=cfg.d_in, d_sae=cfg.d_sae
        )
        manifest.model = ModelInput(
            name=str(options.model),
            fingerprint=subject.fingerprint,
            hook_point=subject.hook_point,
            weight_processing=subject.weight_processing,
        )
        manifest.corpus = CorpusInput(
            name=corpus.name,
            column=options.column,
            n_tokens=windows.n_tokens,
            n_windows=len(windows.lengths),
            context_length=context_length,
            prepend_bos=prepend_bos,
            fingerprint=windows.fingerprint,
        )

    run.update(describe)
    run.finish("windows", time.monotonic() - started)


def _check_text(run: RunDirectory, windows: Windows) -> None:
    """Refuse windows made in place of lost ones, where they are others."""
    lost = run.read_manifest() if run.exists else Manifest()
    if lost.corpus is None or "windows" not in lost.stages or lost.corpus.fingerprint == windows.fingerprint:
        return
    shutil.rmtree(run.windows)
    raise MismatchError(
        f"{run.path}: its windows are gone, and {windows.corpus_name} cut again",
        expected=lost.corpus.fingerprint[:16],
        found=windows.fingerprint[:16],
        hint="The text is not what it was; put the windows back, or start a new run.",
    )
