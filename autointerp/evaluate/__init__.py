"""Measurements of an SAE on its model: each suite gives numbers, tables and pictures, kept in the run directory."""

from autointerp.evaluate._change import Change, measure_change
from autointerp.evaluate._estimates import Estimate, TokenMeans, over_features
from autointerp.evaluate._evaluate import run_suites
from autointerp.evaluate._figure import as_png, as_svg, legible, new_figure, plain, series
from autointerp.evaluate._findings import Findings, Number, Picture, Table
from autointerp.evaluate._firings import Firings
from autointerp.evaluate._keep import keep
from autointerp.evaluate._setting import Batch, Setting, Site
from autointerp.evaluate._splice import Predictions, predict
from autointerp.evaluate._store import Key, Store, Stored, StoredFile
from autointerp.evaluate._suite import SUITES, NotMeasurable, Suite, choose_suites

__all__ = [
    "SUITES",
    "Batch",
    "Change",
    "Estimate",
    "Findings",
    "Firings",
    "Key",
    "NotMeasurable",
    "Number",
    "Picture",
    "Predictions",
    "Setting",
    "Site",
    "Store",
    "Stored",
    "StoredFile",
    "Suite",
    "Table",
    "TokenMeans",
    "as_png",
    "as_svg",
    "choose_suites",
    "keep",
    "legible",
    "measure_change",
    "new_figure",
    "over_features",
    "plain",
    "predict",
    "run_suites",
    "series",
]
