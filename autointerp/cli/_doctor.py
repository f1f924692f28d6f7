"""``autointerp doctor``."""

from __future__ import annotations

import typer

from autointerp.cli import _options as o


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(name="doctor")(run)


def run(as_json: o.JsonOption = False) -> None:
    """Say what is installed, which models, keys, devices and caches are seen, and what is wrong."""
    import json
    from dataclasses import asdict

    from autointerp import verbs
    from autointerp.cli._output import print_verdict

    findings = verbs.doctor()
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        for finding in findings:
            hint = f"  -> {finding.hint}" if finding.hint else ""
            print(f"{finding.status:<5}{finding.name}: {finding.detail}{hint}")
    bad = [finding.name for finding in findings if finding.status == "bad"]
    print_verdict(f"doctor: {', '.join(bad)} must be mended" if bad else "doctor: nothing is wrong")
    raise typer.Exit(2 if bad else 0)
