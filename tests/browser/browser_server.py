"""A loopback server of the pages with a run's data, under the policy that the viewer serves them with."""

from __future__ import annotations

import http.server
import json
import threading
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from browser_data import ASSETS, feature_of, fired

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'"
)
TYPES = {".html": "text/html; charset=utf-8", ".css": "text/css", ".js": "text/javascript", ".json": "application/json"}


class PageServer:
    """Serves the assets and ``folder/data``; counts the bytes it sent. A context manager."""

    def __init__(self, folder: Path) -> None:
        self.n_bytes = 0
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, kind, body = answer(folder, self.path)
                server.n_bytes += len(body)
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Content-Security-Policy", POLICY)
                self.send_header("Cache-Control", "no-store")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def answer(folder: Path, target: str) -> tuple[int, str, bytes]:
    """Status, type and body for a path of the pages."""
    url = urlsplit(target)
    name = url.path.lstrip("/") or "index.html"
    if name == "api/fire":
        text = parse_qs(url.query).get("text", [""])[0]
        if text == "break":
            return 400, TYPES[".json"], json.dumps({"error": "<b>no model</b>"}).encode()
        return 200, TYPES[".json"], json.dumps(fired(text)).encode()
    if name == "api/feature":
        feature = int(parse_qs(url.query)["id"][0])
        shard = {"schema": 1, "features": {str(feature): {**feature_of(feature), "outcome": None}}}
        return 200, TYPES[".json"], json.dumps(shard).encode()
    file = folder / name if name.startswith("data/") else ASSETS / name
    if not file.is_file():
        return 404, "text/plain", b"not here"
    return 200, TYPES[file.suffix], file.read_bytes().replace(b'data-mode="static"', b'data-mode="served"')
