"""Running suites: each is kept when it is done, and not run again while its inputs are the same."""

from __future__ import annotations

import time
from collections.abc import Sequence

from autointerp.evaluate._findings import Findings
from autointerp.evaluate._setting import Setting
from autointerp.evaluate._store import Key, Store, Stored
from autointerp.evaluate._suite import NotMeasurable, Suite


def run_suites(setting: Setting, suites: Sequence[Suite]) -> list[Stored]:
    """Measure what is not measured yet.

    Args:
        setting: SAEs, model, text.
        suites: Which.

    Returns:
        What each found, in their order.
    """
    store = Store.of(setting.run)
    results = []
    for suite in suites:
        key = _key(setting, suite)
        stored = store.read(suite.name)
        if stored is None or stored.key != key:
            stored = _measure(setting, suite, key, store)
        results.append(stored)
    return results


def _measure(setting: Setting, suite: Suite, key: Key, store: Store) -> Stored:
    started = time.monotonic()
    stored = Stored(suite=suite.name, title=suite.title, key=key)
    findings: Findings | None = None
    try:
        findings = suite.measure(setting)
    except NotMeasurable as reason:
        stored.not_measurable = str(reason)
        setting.progress.say(f"{suite.name}: not measured. {reason}")
    stored.seconds = round(time.monotonic() - started, 3)
    return store.write(stored, findings)


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
    }
