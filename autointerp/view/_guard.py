"""What stands between the network and the pages: one host, one token, reading only, and headers that say so."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from autointerp.view._assets import OWN_POLICY

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": f"{OWN_POLICY}; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Of every answer."""
_METHODS = ("GET", "HEAD")


class Guard:
    """Lets requests through to the pages, with the token taken off their path.

    The Host header must name this computer, so that no other site's name can be pointed here (DNS rebinding). Without
    the token nothing is told apart: every path is 404.
    """

    def __init__(self, app: ASGIApp, *, token: str, port: int) -> None:
        """Args: the pages, the token that is the first part of every path, and the port that is listened on."""
        self._app, self._token = app, token
        self._hosts = {f"{name}:{port}" for name in ("127.0.0.1", "localhost")}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        refusal = self._refusal(scope)
        if refusal is not None:
            await refusal(scope, receive, with_headers)
            return
        root = f"/{self._token}"
        await self._app({**scope, "path": scope["path"].removeprefix(root)}, receive, with_headers)

    def _refusal(self, scope: Scope) -> PlainTextResponse | None:
        if Headers(scope=scope).get("host", "").lower() not in self._hosts:
            return PlainTextResponse("This host is not served here.\n", 421)
        token, slash, _ = scope["path"][1:].partition("/")
        if not (slash and secrets.compare_digest(token.encode("utf-8", "replace"), self._token.encode())):
            return PlainTextResponse("Not here. Use the whole address that 'autointerp view' printed.\n", 404)
        if scope["method"] not in _METHODS:
            return PlainTextResponse("These pages can only be read.\n", 405, {"Allow": ", ".join(_METHODS)})
        return None
