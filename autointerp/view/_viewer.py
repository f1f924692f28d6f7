"""A run's pages on a loopback address, for as long as somebody looks."""

from __future__ import annotations

import contextlib
import secrets
import socket
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

import uvicorn

from autointerp.errors import UsageError
from autointerp.run import Progress, RunDirectory, Silence
from autointerp.view._app import make_app
from autointerp.view._guard import Guard
from autointerp.view._machine import Machine
from autointerp.view._opened import Opened
from autointerp.view._sections import Sections
from autointerp.view._site import Site

HOST = "127.0.0.1"


class Viewer:
    """Serves one run, read-only, to who knows its address; use it in a ``with`` block."""

    def __init__(
        self,
        run: RunDirectory,
        *,
        compare: RunDirectory | None = None,
        port: int = 0,
        sae_path: Path | None = None,
        device: str = "cpu",
        progress: Progress | None = None,
    ) -> None:
        """Open the run and take a port.

        Args:
            run: At least harvested.
            compare: Another run to show beside it.
            port: To listen on; 0 takes a free one.
            sae_path: Where the SAE lies now (default: where the run says).
            device: Where SAE and model run.
            progress: Listener.

        Raises:
            UsageError: A run can't be opened, or the port is taken.
        """
        opened = Opened(run)
        self._machine = Machine(opened, sae_path=sae_path, device=device)
        self._sections = Sections(opened, self._machine, progress or Silence())
        other = None if compare is None else Opened(compare)
        self._site = Site(opened, self._sections, other=other, can_fire=self._machine.can_run)
        self._socket = _listen(port)
        self._port = int(self._socket.getsockname()[1])
        self._token = secrets.token_urlsafe(24)
        app = Guard(make_app(self._site, self._machine), token=self._token, port=self._port)
        config = uvicorn.Config(
            app, log_config=None, access_log=False, ws="none", lifespan="off", server_header=False,
            timeout_graceful_shutdown=1,
        )  # fmt: skip
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._sections.compute, name="view-sections", daemon=True)

    @property
    def url(self) -> str:
        """The address of the list, with the token."""
        return f"http://{HOST}:{self._port}/{self._token}/"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._sections.stop()
        self._socket.close()
        self._thread.join(timeout=5)

    def serve(self) -> None:
        """Answer until ``stop``, or until somebody presses Ctrl-C, which is how a viewer is closed."""
        with contextlib.suppress(KeyboardInterrupt):
            self._server.run(sockets=[self._socket])

    def stop(self) -> None:
        """Make ``serve`` in another thread return."""
        self._server.should_exit = True


def _listen(port: int) -> socket.socket:
    try:
        return socket.create_server((HOST, port))
    except (OSError, OverflowError) as error:
        raise UsageError(f"--port {port}: can't be listened on ({error}). Leave it out for a free one.") from error
