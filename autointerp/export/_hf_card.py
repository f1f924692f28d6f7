"""``README.md`` of an exported Hugging Face data set: what it is, from the run's own numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from autointerp.export._markdown import rates_table
from autointerp.export._text import public_name
from autointerp.run import Manifest, markdown, visible

TAGS = ("sparse-autoencoder", "interpretability", "autointerp")
_ABOUT = {
    "features": "statistics of every feature of the SAE, a row a feature",
    "groups": "which features were selected, and for which group",
    "labels": "what the labeler said of each selected feature, failures included",
    "scores": "how well each label predicts held-out text",
    "contexts": "the text that labels were made from (`explain`) and tested on (`score`), with activations",
}

_DEFINITIONS = (
    "`label`: share of the selected features with one meaning, by the labeler. `verified`: the label also predicts "
    "held-out activity better than chance and than other features' labels. `robust`: verified, and told apart in the "
    "lowest tenth of activations too. Intervals are Wilson's; groups are never pooled."
)


def card(name: str, manifest: Manifest, summary: Mapping[str, Any], configs: Mapping[str, str]) -> str:
    """The card, front matter included.

    Args:
        name: Of the run.
        manifest: Its inputs.
        summary: ``summary.json``; may be empty.
        configs: Name of each table -> its file.
    """
    return "\n".join([*_front_matter(name, configs), *_text(name, manifest, summary, list(configs))]) + "\n"


def _front_matter(name: str, configs: Mapping[str, str]) -> Sequence[str]:
    """YAML; its strings are written as JSON, which is a part of it. The license is the owner's to choose."""
    lines = ["---", f"pretty_name: {_quoted(name)}", "tags:", *(f"- {tag}" for tag in TAGS), "configs:"]
    for i, (config, file) in enumerate(configs.items()):
        lines += [f"- config_name: {config}", f"  data_files: {file}", *(["  default: true"] if i == 0 else [])]
    return [*lines, "---", ""]


def _quoted(text: str) -> str:
    return json.dumps(visible(text), ensure_ascii=False)


def _text(name: str, manifest: Manifest, summary: Mapping[str, Any], configs: Sequence[str]) -> Sequence[str]:
    lines = [f"# {markdown(name)}", "", "Labels of a sparse autoencoder's features, and how far they hold."]
    lines += ["", *(f"- {key}: {markdown(value)}" for key, value in _inputs(manifest).items())]
    lines += ["", "## Rates", "", *rates_table(summary), ""]
    if summary:
        lines += [_DEFINITIONS, ""]
    lines += ["## Tables", "", *(f"- `{config}`: {_ABOUT[config]}" for config in configs)]
    return [*lines, "", "Made by autointerp. Contexts quote the corpus: choose a license that its own allows."]


def _inputs(manifest: Manifest) -> dict[str, str]:
    """Inputs by name, without the paths of the machine that made the run."""
    said = {}
    if manifest.sae is not None:
        said["SAE"] = (
            f"{public_name(manifest.sae.path)}, {manifest.sae.architecture}, {manifest.sae.d_sae:,} features, "
            f"sha256 {manifest.sae.sha256}"
        )
    if manifest.model is not None:
        said["model"] = f"{public_name(manifest.model.name)} at {manifest.model.hook_point}"
    if manifest.corpus is not None:
        said["text"] = f"{public_name(manifest.corpus.name)}, {manifest.corpus.n_tokens:,} tokens"
    for role, llm in (("labeler", manifest.labeler), ("judge", manifest.judge)):
        if llm is not None:
            said[role] = f"{llm.provider}, prompt {llm.prompt}"
    return said | {"autointerp": manifest.versions.get("autointerp", "unknown")}
