"""Layouts in the plane."""

from __future__ import annotations

import numpy as np
import pytest

from autointerp.evaluate._embed import pca, umap


def test_pca_finds_the_two_widest_directions_and_what_they_hold() -> None:
    random = np.random.default_rng(0)
    axes = np.linalg.qr(random.normal(size=(6, 6)))[0]
    points = random.normal(size=(500, 6)) * [9, 5, 1, 1, 1, 1] @ axes.T + 3
    flat, explained = pca(points)
    variances = np.linalg.svd(points - points.mean(axis=0), compute_uv=False) ** 2
    assert explained == pytest.approx(variances[:2] / variances.sum())
    assert (flat**2).sum(axis=0) == pytest.approx(variances[:2])
    assert abs(np.corrcoef(flat[:, 0], points @ axes[:, 0])[0, 1]) > 0.99
    assert np.array_equal(pca(points)[0], flat)


def test_pca_of_equal_points_is_a_point() -> None:
    flat, explained = pca(np.ones((5, 3)))
    assert not flat.any()
    assert not explained.any()


@pytest.mark.slow
def test_umap_keeps_groups_together_and_repeats_itself() -> None:
    random = np.random.default_rng(1)
    group = np.repeat([0, 1], 40)
    points = np.eye(8)[group * 3] + 0.1 * random.normal(size=(80, 8))
    flat = umap(points, seed=0)
    distance = np.linalg.norm(flat[:, None] - flat[None], axis=-1)
    np.fill_diagonal(distance, np.inf)
    assert (group[distance.argmin(axis=1)] == group).all()
    assert np.array_equal(umap(points, seed=0), flat)
