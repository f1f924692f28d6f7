"""The pages as a web application: the page, its files, documents, and the text box."""

from __future__ import annotations

import gzip
from functools import lru_cache

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from autointerp.errors import AutointerpError
from autointerp.view._assets import PAGE, assets, media_type, served_page
from autointerp.view._fire import fire
from autointerp.view._machine import Machine
from autointerp.view._pack import to_json
from autointerp.view._site import Site

_JSON = "application/json"


def make_app(site: Site, machine: Machine) -> Starlette:
    """The application, to be put behind a guard.

    Args:
        site: The documents.
        machine: Runs text on demand.
    """
    files = assets()
    files[PAGE] = served_page(files)

    def page(request: Request) -> Response:
        return _answer(request, files[PAGE], "text/html")

    def file(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in files:
            return _error(request, "no such file", 404)
        return _answer(request, files[name], media_type(name))

    def document(request: Request) -> Response:
        name = request.path_params["name"]
        try:
            return _answer(request, site.document(name), _JSON)
        except KeyError:
            return _error(request, "no such document", 404)
        except (AutointerpError, OSError, ValueError) as error:  # a file of the run that can't be read
            return _error(request, str(error), 500)

    def fires(request: Request) -> Response:
        try:
            return _answer(request, to_json(fire(site.opened, machine, request.query_params.get("text", ""))), _JSON)
        except (AutointerpError, RuntimeError) as error:  # torch's own are RuntimeErrors
            return _error(request, str(error), 400)

    def feature(request: Request) -> Response:
        number = request.query_params.get("id", "")
        try:
            if not (number.isascii() and number.isdecimal()):
                return _error(request, "name a feature: ?id=17", 400)
            return _answer(request, site.any_feature(int(number), machine), _JSON)
        except (AutointerpError, RuntimeError, OSError, ValueError) as error:
            return _error(request, str(error), 400)

    return Starlette(
        routes=[
            Route("/", page),
            Route("/api/fire", fires),
            Route("/api/feature", feature),
            Route("/data/{name:path}.json", document),
            Route("/{name}", file),
        ]
    )


def _error(request: Request, reason: str, status: int) -> Response:
    return _answer(request, to_json({"error": reason}), _JSON, status)


def _answer(request: Request, text: str, media: str, status: int = 200) -> Response:
    headers = {"Vary": "Accept-Encoding"}
    body = text.encode("utf-8")
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        body = _packed(body)
    return Response(body, status, headers, media_type=media)


@lru_cache(maxsize=32)
def _packed(body: bytes) -> bytes:
    return gzip.compress(body, compresslevel=6, mtime=0)
