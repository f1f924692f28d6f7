"""The application: its verbs, and how every way of ending becomes an exit code and one line."""

from __future__ import annotations

import io
import os
import signal
import sys
import traceback
from types import FrameType
from typing import Annotated, NoReturn

import typer

from autointerp.cli import (
    _compare,
    _convert,
    _demo,
    _doctor,
    _evaluate,
    _export,
    _finetune,
    _gate,
    _harvest,
    _label,
    _reliability,
    _retry,
    _score,
    _sweep,
    _train,
    _view,
)
from autointerp.errors import AutointerpError

app = typer.Typer(
    name="autointerp",
    help="Are this SAE's features real? Label them, test the labels, gate on the rate.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # square brackets in help are defaults, not markup
    add_completion=False,
)
for verb in (
    _demo, _train, _sweep, _finetune, _convert, _harvest, _label, _score, _reliability, _retry, _evaluate, _compare,
    _gate, _export, _view, _doctor,
):  # fmt: skip
    verb.register(app)

_received: list[int] = []
"""SIGTERMs."""


@app.callback()
def _global(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    if debug:
        os.environ["AUTOINTERP_DEBUG"] = "1"


@app.command()
def version() -> None:
    """Print the version."""
    from autointerp import __version__

    print(__version__)


def main() -> NoReturn:
    """Run the command line and exit with its code: 0, 1, 2, 3, 4, 5, 130 or 143 (see ``autointerp.errors``)."""
    signal.signal(signal.SIGTERM, _terminate)
    if isinstance(sys.stdout, io.TextIOWrapper):  # what a console can't show comes as an escape, as on stderr
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        code = app(standalone_mode=False) or 0
        if code == 130:  # what the parser makes of a KeyboardInterrupt
            code = _interrupted()
    except KeyboardInterrupt:
        code = _interrupted()
    except AutointerpError as error:
        code = _say(error.exit_code, str(error))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    except Exception as error:
        code = _classify(error)
    sys.exit(code)


def _classify(error: Exception) -> int:
    """Errors that are not ours: usage errors of the parser and of the SAE core are 2, the rest is 1."""
    show = getattr(error, "show", None)
    if callable(show) and hasattr(error, "exit_code"):  # the parser's own
        show()
        return int(error.exit_code)
    if type(error).__name__ == "Abort":
        return _say(130, "interrupted.")
    if any(base.__module__.startswith("sae") and base.__name__ == "SAEError" for base in type(error).__mro__):
        return _say(2, str(error))
    if isinstance(error, OSError):
        why = error.strerror or "; ".join(map(str, error.args)) or type(error).__name__
        return _say(1, f"{error.filename or 'a file'}: {why}. Files written before are intact.")
    return _say(1, f"internal error: {type(error).__name__}: {error}. Run with --debug for the traceback.")


def _say(code: int, message: str) -> int:
    if os.environ.get("AUTOINTERP_DEBUG"):
        traceback.print_exc()
    print(f"autointerp: {message}", file=sys.stderr)
    return code


def _interrupted() -> int:
    code = 143 if _received else 130
    return _say(code, "interrupted. What is done is kept: give the same command again, with --resume if it takes that.")


def _terminate(number: int, frame: FrameType | None) -> None:
    del frame
    _received.append(number)
    raise KeyboardInterrupt
