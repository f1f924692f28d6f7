"""Running suites: each is kept when it is done, and not run again while its inputs are the same."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from autointerp.evaluate._keep import keep
from autointerp.evaluate._setting import Setting
from autointerp.evaluate._store import Key, Store, Stored
from autointerp.evaluate._suite import Suite


def run_suites(setting: Setting, suites: Sequence[Suite]) -> list[Stored]:
    """Measure what is not measured yet.

    Args:
        setting: SAEs, model, text.
        suites: Which.

    Returns:
        What each found, in their order.
    """
    store = Store.of(setting.run)
    return [
        keep(
            store,
            Stored(suite=suite.name, title=suite.title, key=_key(setting, suite)),
            partial(suite.measure, setting),
            setting.progress,
        )
        for suite in suites
    ]


def _key(setting: Setting, suite: Suite) -> Key:
    sites = setting.sites if suite.compares else setting.sites[:1]
    return {
        "suite": suite.name,
        "version": suite.version,
        "sites": [f"{site.name} {site.subject.hook_point} {site.model.fingerprint()}" for site in sites],
        "model": setting.subject.fingerprint,
        "weight_processing": setting.subject.weight_processing,
        "windows": setting.windows.fingerprint,
        "n_tokens": setting.n_tokens,
        "seed": setting.seed,
        "keep_bos": setting.config.keep_bos,
        "skip_positions": setting.config.skip_positions,
        "selected": [str(feature) for feature in setting.selected] if suite.reads_selection else [],
        **({"n_steered": setting.n_steered} if suite.steers else {}),
    }
