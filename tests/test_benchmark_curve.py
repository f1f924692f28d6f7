"""Reading a number off a trainer's curve at an L0 between its points."""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def curve() -> ModuleType:
    spec = importlib.util.spec_from_file_location("_curve", ROOT / "benchmarks" / "_curve.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def on_a_line(l0s: list[float]) -> list[dict[str, float]]:
    return [{"l0": l0, "fvu": 0.5 - 0.1 * math.log(l0)} for l0 in l0s]


def test_between_points_a_number_is_linear_in_log_l0(curve: ModuleType) -> None:
    points = on_a_line([40.0, 5.0, 20.0])
    assert curve.at_l0(points, "fvu", 10.0) == pytest.approx(0.5 - 0.1 * math.log(10.0))
    assert curve.at_l0(points, "fvu", 20.0) == points[2]["fvu"]


def test_outside_its_points_a_curve_says_nothing(curve: ModuleType) -> None:
    points = on_a_line([5.0, 40.0])
    assert curve.at_l0(points, "fvu", 4.9) is None
    assert curve.at_l0(points, "fvu", 40.1) is None
    assert curve.at_l0([{"l0": 0.0, "fvu": 1.0}], "fvu", 1.0) is None


def test_shared_l0s_lie_where_every_curve_can_be_read(curve: ModuleType) -> None:
    curves = [on_a_line([3.33, 17.77]), on_a_line([6.66, 50.0])]
    l0s = curve.shared_l0s(curves, 4)
    assert l0s == [6.7, 9.2, 12.8, 17.77]
    assert all(curve.at_l0(points, "fvu", l0) is not None for points in curves for l0 in l0s)
    assert curve.shared_l0s([on_a_line([1.0, 2.0]), on_a_line([3.0, 4.0])], 4) == []
