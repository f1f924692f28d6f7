"""``autointerp view``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from autointerp.cli import _options as o


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(name="view")(run)


def run(
    run: o.RunArgument,
    compare: Annotated[Path | None, typer.Option(metavar="RUN", help="Another run to hold it against.")] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0 takes a free one.")] = 0,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Don't open a browser.")] = False,
    sae: Annotated[Path | None, typer.Option(metavar="PATH", help="Where the SAE is now. [as the run says]")] = None,
    device: o.DeviceOption = "cpu",
    as_json: o.JsonOption = False,
) -> None:
    """Show a run in the browser: serve its pages on this computer, read-only, until Ctrl-C."""
    import json
    import sys

    from autointerp import verbs
    from autointerp.cli._output import print_verdict
    from autointerp.cli._progress import terminal_progress

    def ready(url: str) -> None:
        print(json.dumps({"url": url}) if as_json else url, flush=True)
        if sys.stdout.isatty() and not no_browser:
            import webbrowser

            webbrowser.open(url)
        print_verdict(f"view: {run} is shown until Ctrl-C")

    verbs.view(run, compare=compare, port=port, sae=sae, device=device, ready=ready, progress=terminal_progress())
