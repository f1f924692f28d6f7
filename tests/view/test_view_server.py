"""The server over a real socket: who gets in, and what they get."""

from __future__ import annotations

import gzip
import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from autointerp.errors import UsageError
from autointerp.harvest import load_features
from autointerp.run import RunDirectory
from autointerp.view import Viewer


@contextmanager
def serving(run: RunDirectory, **options: Any) -> Iterator[Viewer]:
    with Viewer(run, **options) as viewer:
        thread = threading.Thread(target=viewer.serve)
        thread.start()
        try:
            yield viewer
        finally:
            viewer.stop()
            thread.join()


@pytest.fixture(scope="module")
def viewer(made, documents) -> Iterator[Viewer]:
    del documents  # what the model tells is then kept
    with serving(RunDirectory(made / "run")) as found:
        yield found


def ask(viewer: Viewer, path: str, *, method: str = "GET", **headers: str) -> tuple[http.client.HTTPResponse, bytes]:
    """A request for a path below the token, or any path that begins with two slashes."""
    address = urlsplit(viewer.url)
    connection = http.client.HTTPConnection("127.0.0.1", address.port, timeout=30)
    where = path[1:] if path.startswith("//") else address.path + path
    connection.request(method, where, headers={name.replace("_", "-"): value for name, value in headers.items()})
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response, body


def test_the_page_and_its_files(viewer: Viewer) -> None:
    response, body = ask(viewer, "")
    assert response.status == 200
    assert b'data-mode="served"' in body
    for name, kind in (("app.js", "text/javascript"), ("app.css", "text/css")):
        response, body = ask(viewer, name)
        assert (response.status, response.headers.get_content_type()) == (200, kind)
        assert body


def test_documents_are_those_of_the_site(viewer: Viewer, documents) -> None:
    for name, expected in documents.items():
        response, body = ask(viewer, f"data/{name}.json")
        assert response.headers.get_content_type() == "application/json"
        assert json.loads(body) == (expected | {"can_fire": True} if name == "run" else expected)


def test_documents_are_packed_for_who_can_unpack(viewer: Viewer) -> None:
    _, plain = ask(viewer, "data/listing.json")
    response, packed = ask(viewer, "data/listing.json", Accept_Encoding="gzip, br")
    assert response.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed) == plain


@pytest.mark.parametrize(
    "path",
    ["data/features/999.json", "data/compare.json", "data/run/0.json", "data/features/-1.json", "data/.json",
     "data/../run.json", "..%2f..%2frun.json", "data/%2e%2e/%2e%2e/run.json", "__init__.py", "assets/app.js", "api",
     "data/features/0/0.json", "data/features/%D9%A1.json"],
)  # fmt: skip
def test_there_is_nothing_else(viewer: Viewer, path: str) -> None:
    response, body = ask(viewer, path)
    assert response.status == 404
    assert b"schema_version" not in body


@pytest.mark.parametrize(
    "path", ["///", "//", "//wrong/", "//data/run.json", "//%00/", "//\xe9/".encode().decode("latin-1")]
)
def test_without_the_token_nothing_is_told_apart(viewer: Viewer, path: str) -> None:
    response, body = ask(viewer, quote(path, safe="/%"))
    assert response.status == 404
    assert b"Use the whole address" in body


def test_almost_the_token_is_not_the_token(viewer: Viewer) -> None:
    token = urlsplit(viewer.url).path.strip("/")
    assert len(token) >= 32
    for wrong in (token[:-1], token + "x", token.swapcase(), "x/" + token):
        assert ask(viewer, f"//{wrong}/")[0].status == 404
    with_another = Viewer(viewer._site.opened.run)
    assert urlsplit(with_another.url).path.strip("/") != token
    with_another._socket.close()


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "", "localhost.evil:{port}"]
)
def test_another_name_for_this_computer_is_refused(viewer: Viewer, host: str) -> None:
    response, body = ask(viewer, "", Host=host.format(port=urlsplit(viewer.url).port))
    assert response.status == 421
    assert b"<html" not in body


def test_localhost_is_this_computer(viewer: Viewer) -> None:
    assert ask(viewer, "", Host=f"LOCALHOST:{urlsplit(viewer.url).port}")[0].status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_pages_can_only_be_read(viewer: Viewer, method: str) -> None:
    response, _ = ask(viewer, "data/run.json", method=method)
    assert (response.status, response.headers["allow"]) == (405, "GET, HEAD")


def test_head_is_get_without_its_body(viewer: Viewer) -> None:
    response, body = ask(viewer, "data/run.json", method="HEAD")
    assert response.status == 200
    assert int(response.headers["content-length"]) > 100
    assert body == b""


@pytest.mark.parametrize("path", ["", "data/run.json", "nothing", "//wrong/"])
def test_every_answer_has_its_headers(viewer: Viewer, path: str) -> None:
    headers = ask(viewer, path)[0].headers
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert headers["cross-origin-resource-policy"] == headers["cross-origin-opener-policy"] == "same-origin"
    assert "server" not in headers


def test_text_is_run_on_demand(viewer: Viewer) -> None:
    response, body = ask(viewer, "api/fire?text=" + quote(" print self\n self"))
    found = json.loads(body)
    assert response.status == 200
    assert found["tokens"] == [" print", " self", "\n", " self"]
    assert not found["truncated"]
    fires = {one["feature"]: one for one in found["features"]}
    assert fires[0]["activations"][0] == fires[0]["activations"][2] == 0
    assert fires[0]["activations"][1] == fires[0]["activations"][3] == fires[0]["max"] > 0
    assert fires[11]["activations"][0] == fires[11]["max"]  # the word print
    assert fires[13]["max"] == fires[0]["max"]  # its twin
    maxima = [one["max"] for one in found["features"]]
    assert maxima == sorted(maxima, reverse=True)


def test_long_text_is_cut_to_a_window(viewer: Viewer) -> None:
    found = json.loads(ask(viewer, "api/fire?text=" + quote(" self" * 40))[1])
    assert found["truncated"]
    assert len(found["tokens"]) == 31  # 32 with BOS


def test_no_text_is_an_error_in_words(viewer: Viewer) -> None:
    for path in ("api/fire", "api/fire?text="):
        response, body = ask(viewer, path)
        assert response.status == 400
        assert json.loads(body) == {"error": "there is no text to read"}


def test_many_may_ask_at_once(viewer: Viewer) -> None:
    texts = [" self", " print", " value self", " list"] * 3
    found: dict[int, Any] = {}

    def run(number: int) -> None:
        found[number] = json.loads(ask(viewer, "api/fire?text=" + quote(texts[number]))[1])

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(texts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, text in enumerate(texts):
        assert "".join(found[number]["tokens"]) == text
        assert found[number] == found[number % 4]


def test_a_feature_that_nobody_selected_is_made_on_demand(viewer: Viewer, documents, features) -> None:
    other = next(number for number in range(12) if number not in features)
    response, body = ask(viewer, f"api/feature?id={other}")
    (page,) = json.loads(body)["features"].values()
    assert response.status == 200
    assert page["label"] is None
    assert page["missing"]["judged"] == "there is no label to judge"
    assert {one["split"] for one in page["contexts"]} == {"explain", "score"}
    token = page["top_tokens"][0]["token"]
    assert token == load_features(viewer._site.opened.run)["top_tokens"][other][0]
    top = next(one for one in page["contexts"] if one["stratum"] == "top")
    assert top["tokens"][top["peak"]] == token
    assert top["more"]["before"] or top["more"]["after"]
    assert page["logits"]["promoted"]
    assert page["nearest"]["decoder"]
    assert not page["nearest"]["coactive"]
    assert "selected" in page["missing"]["coactive"]


def test_on_demand_gives_what_selecting_gives(viewer: Viewer, features) -> None:
    chosen = next(number for number in features if number < 12)
    (page,) = json.loads(ask(viewer, f"api/feature?id={chosen}")[1])["features"].values()
    for name in ("contexts", "label", "logits", "histogram", "scores"):
        assert page[name] == features[chosen][name]


@pytest.mark.parametrize(
    ("query", "why"), [("", "name a feature"), ("?id=x", "name a feature"), ("?id=99", "no feature 99")]
)
def test_features_that_are_none(viewer: Viewer, query: str, why: str) -> None:
    response, body = ask(viewer, f"api/feature{query}")
    assert response.status == 400
    assert why in json.loads(body)["error"]


def test_without_the_sae_the_text_box_says_why(run: RunDirectory) -> None:
    run.update(lambda manifest: setattr(manifest.sae, "path", "gone"))
    with serving(run) as viewer:
        assert json.loads(ask(viewer, "data/run.json")[1])["can_fire"] is False
        response, body = ask(viewer, "api/fire?text=self")
        assert response.status == 400
        assert "the SAE is not at gone" in json.loads(body)["error"]


def test_a_broken_file_is_an_error_in_words(run: RunDirectory) -> None:
    run.contexts.write_bytes(b"PAR1 not really")
    with serving(run) as viewer:
        response, body = ask(viewer, "data/features/0.json")
        assert response.status == 500
        assert "arquet" in json.loads(body)["error"]
        assert ask(viewer, "data/listing.json")[0].status == 200


def test_it_listens_on_loopback_alone(viewer: Viewer) -> None:
    assert viewer._socket.getsockname()[0] == "127.0.0.1"


def test_a_port_that_is_taken_is_named(viewer: Viewer, run: RunDirectory) -> None:
    port = urlsplit(viewer.url).port
    assert port is not None
    with pytest.raises(UsageError, match=rf"--port {port}: can't be listened on"):
        Viewer(run, port=port)
