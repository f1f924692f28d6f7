"""Measurements of an SAE on its model: each suite gives numbers, tables and pictures, kept in the run directory."""

from autointerp.evaluate._estimates import Estimate, TokenMeans
from autointerp.evaluate._evaluate import run_suites
from autointerp.evaluate._figure import as_png, as_svg, new_figure, series
from autointerp.evaluate._findings import Findings, Number, Picture, Table
from autointerp.evaluate._setting import Batch, Setting, Site
from autointerp.evaluate._splice import Predictions, predict
from autointerp.evaluate._store import Store, Stored
from autointerp.evaluate._suite import SUITES, NotMeasurable, Suite, choose_suites

__all__ = [
    "SUITES",
    "Batch",
    "Estimate",
    "Findings",
    "NotMeasurable",
    "Number",
    "Picture",
    "Predictions",
    "Setting",
    "Site",
    "Store",
    "Stored",
    "Suite",
    "Table",
    "TokenMeans",
    "as_png",
    "as_svg",
    "choose_suites",
    "new_figure",
    "predict",
    "run_suites",
    "series",
]
