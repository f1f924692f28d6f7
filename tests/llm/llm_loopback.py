"""HTTP on loopback, for the scripted servers: what they have in common."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Serve = Callable[[BaseHTTPRequestHandler, bytes], None]


class Loopback:
    """Hands every request with its body to ``serve``, in a thread of the request's connection."""

    def __init__(self, serve: Serve) -> None:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                serve(self, b"")

            def do_POST(self) -> None:
                serve(self, self.rfile.read(int(self.headers["content-length"])))

            def log_message(self, *args: object) -> None:
                del args

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._http.socket.listen(128)  # its own five would refuse a run with more in flight
        self._http.handle_error = lambda *_: None  # type: ignore[method-assign]
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


def send_head(handler: BaseHTTPRequestHandler, status: int, body: bytes, headers: Mapping[str, str]) -> None:
    """All that comes before a JSON body; headers given win over the usual ones."""
    handler.send_response(status)
    usual = {"content-length": str(len(body)), "content-type": "application/json", "x-request-id": "req-1"}
    for name, value in {**usual, **headers}.items():
        handler.send_header(name, value)
    handler.end_headers()
