"""Windows whose model reads another text: the activations are the other text's, the contexts show this one."""

from __future__ import annotations

import dataclasses

import numpy as np

from autointerp.harvest import ContextConfig, load_contexts, load_features, load_sketch, write_contexts


def test_activations_come_from_what_the_model_reads(parts, tiny, tmp_path):
    donors = np.arange(60)
    for length in np.unique(parts.windows.lengths):
        group = np.flatnonzero(parts.windows.lengths == length)
        donors[group] = np.roll(group, 1)
    moved = dataclasses.replace(
        parts, windows=dataclasses.replace(parts.windows, model_reads=parts.windows.tokens[donors])
    )
    run = moved.harvest(tmp_path / "moved")
    real, found = load_features(parts.harvest(tmp_path / "real")), load_features(run)
    for column in ("n_active", "max_activation", "std_activation", "mean_activation"):
        np.testing.assert_allclose(found[column], real[column], rtol=1e-4)
    dense, top = parts.dense(), load_sketch(run, "explain").top()
    assert top.value[0, 0] == np.float32(dense[donors[top.window[0, 0]], top.position[0, 0], 0])
    write_contexts(run, [0], **moved.inputs, config=ContextConfig())
    for context in load_contexts(run)[0]:
        at = context.position - context.peak
        assert list(context.token_ids) == parts.windows.tokens[context.window, at : at + len(context.tokens)].tolist()
        expected = dense[donors[context.window], context.position, 0]
        np.testing.assert_allclose(context.activations[context.peak], expected, rtol=1e-4, atol=1e-5)
