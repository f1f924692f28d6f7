"""Lives of labelling runs, as many as are ordered.

    python -m benchmarks.kill._lives URL

A process that has imported everything forks one for each life, so that a life begins within milliseconds. On stdin it
takes two lines a life: its order, as JSON, and later leave to bury it. On stdout it answers the first with the life's
pid, the second with its exit code; before all that it says its own pid. A dead process keeps its pid until then, so
whoever kills it can't hit another.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import ssl
import sys
import traceback
from pathlib import Path
from typing import BinaryIO

import openai

from autointerp.export import write_labels_csv
from autointerp.label import label_features
from autointerp.llm import Asking, Limits
from autointerp.run import RunDirectory, exclusive

N_AT_ONCE = 8
"""Requests in flight."""
LLM = "openai:m"


def live(run: RunDirectory, *, url: str, prices: Path, told: BinaryIO) -> None:
    """The labelling stage, as ``autointerp label --resume`` does it.

    Args:
        run: Ready to be labelled.
        url: The server's.
        prices: A price table.
        told: Unbuffered; takes the number of replies that are there, as the listener is told it.
    """
    asking = Asking(base_url=url, limits=Limits(max_concurrency=N_AT_ONCE), prices=prices)

    def tick(done: int, total: int, note: str = "") -> None:
        del total, note
        told.write(b"%d\n" % done)

    with exclusive(run.path):
        label_features(run, llm=LLM, asking=asking, progress=tick)
        write_labels_csv(run)


async def warm_up() -> None:
    """Ask where nobody listens: what the SDK makes with its first request need not be made in each life."""
    async with openai.AsyncOpenAI(api_key="none-needed", base_url="http://127.0.0.1:9", max_retries=0) as client:
        with contextlib.suppress(openai.OpenAIError):
            await client.models.list()


def main() -> None:
    """Fork lives until stdin ends."""
    url = sys.argv[1]
    ssl.SSLContext.load_verify_locations = lambda *_, **__: None  # type: ignore[method-assign] # loopback needs none
    asyncio.run(warm_up())
    gc.freeze()  # else a life's first collection touches, and so copies, all that was imported
    print(os.getpid(), flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        with Path(order["told"]).open("wb", buffering=0) as told:  # afterwards the life alone holds it
            pid = os.fork()
            if pid == 0:
                code = 1
                try:
                    live(RunDirectory(order["run"]), url=url, prices=Path(order["prices"]), told=told)
                    code = 0
                except BaseException:
                    traceback.print_exc()
                finally:
                    os._exit(code)
        print(pid, flush=True)
        sys.stdin.readline()
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
