"""``view``, and ``export`` to pages: a run to look at."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from autointerp.run import Progress, RunDirectory


def view(
    run: str | Path,
    *,
    compare: str | Path | None = None,
    port: int = 0,
    sae: str | Path | None = None,
    device: str = "cpu",
    ready: Callable[[str], None] = print,
    progress: Progress | None = None,
) -> None:
    """Serve a run's pages on this computer, read-only, until Ctrl-C.

    The address holds a random token, and nothing is answered without it. What needs the SAE or the model (nearest
    features, promoted tokens, the text box) is computed once and kept in the run's ``view`` folder; where one of them
    is not on this machine the pages say so. Nothing is fetched.

    Args:
        run: A run directory, at least harvested.
        compare: Another run to hold it against.
        port: To listen on; 0 takes a free one.
        sae: Where the run's SAE lies now (default: where the run says).
        device: Where SAE and model run: ``cpu`` or ``cuda``.
        ready: Told the address, once it answers.
        progress: Listener.

    Raises:
        UsageError: A run can't be opened, or the port is taken.
    """
    from autointerp.view import Viewer  # with a web server behind it, which no other verb needs

    other = None if compare is None else RunDirectory.open(compare)
    with Viewer(
        RunDirectory.open(run),
        compare=other,
        port=port,
        sae_path=None if sae is None else Path(sae),
        device=device,
        progress=progress,
    ) as viewer:
        ready(viewer.url)
        viewer.serve()


def write_html(run: RunDirectory, out: Path | None, *, one_file: bool, device: str, progress: Progress) -> Path:
    """Write a run's pages as files; see ``export``."""
    from autointerp.view import Machine, Opened, Sections, Site, write_pages

    opened = Opened(run)
    sections = Sections(opened, Machine(opened, device=device), progress)
    sections.compute()
    return write_pages(Site(opened, sections), out or run.path / "html", one_file=one_file)
