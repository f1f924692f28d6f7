"""Names that look like paths lead nowhere, and links in a run directory are not written through."""

from __future__ import annotations

from pathlib import Path

import pytest
from llm_scripted_server import Asker, ScriptedServer, question

from autointerp.errors import UsageError
from autointerp.llm import Limits, Outcome, ask, parse_provider
from autointerp.run import RunDirectory, write_text

HOSTILE = ["../../evil", "/etc/evil", "..", "a/../../evil", "~/evil", "%2e%2e/evil", "C:\\evil", "evil:..:.."]


@pytest.mark.parametrize("model", HOSTILE)
def test_a_models_name_is_no_path(kind: str, server: ScriptedServer, asker: Asker, tmp_path: Path, model: str) -> None:
    del asker
    inside = tmp_path / "a" / "b" / "c"
    spec = parse_provider(f"{kind}:{model}", base_url=f"{server.root}/v1")
    (reply,) = ask([question(1)], provider=spec, journal=inside / "j", cache=inside / "cache", limits=Limits())
    assert reply.outcome is Outcome.ok
    assert server.calls[0].body["model"] == model
    (entry,) = (path for path in tmp_path.rglob("*") if path.is_file() and path.parent != inside)
    assert entry == inside / "cache" / reply.key[:2] / f"{reply.key}.json"


@pytest.mark.parametrize("model", ["a\nb", "a\x00b", "a\u202eb", " "])
def test_a_models_name_hides_nothing(kind: str, model: str) -> None:
    with pytest.raises(UsageError, match="not a provider"):
        parse_provider(f"{kind}:{model}")


def test_a_link_in_a_run_directory_is_replaced_and_not_written_through(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("precious")
    run = RunDirectory(tmp_path / "run")
    run.path.mkdir()
    run.labels_csv.symlink_to(outside)
    write_text(run.labels_csv, "labels")
    assert outside.read_text() == "precious"
    assert (run.labels_csv.read_text(), run.labels_csv.is_symlink()) == ("labels", False)
