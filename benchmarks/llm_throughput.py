"""Requests a second through ``ask()``, SDK, journal and all, against a server on loopback that takes 0.2 s a reply.

    python benchmarks/llm_throughput.py [--n 20000]

With 100 in flight 500 requests/s would be ideal. Three runs: a server without faults; one that answers 5 % of requests
with 429 (without Retry-After, which would pause the account) and resets 2 % of connections, where no request may be
lost; and the faultless one with the concurrency left to the scheduler. Before them, for comparison, the SDK's own
``create()`` with nothing around it. CPU is that of this process alone, the server is another. Both share the machine
with whatever else runs, so the load average is written beside. Writes results/llm_throughput.json.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import openai
from _results import write_result
from pydantic import BaseModel, ConfigDict, Field

from autointerp.llm import Limits, Message, Request, ask, parse_provider

IN_FLIGHT, DELAY_S = 100, 0.2
IDEAL_PER_S = IN_FLIGHT / DELAY_S
SYSTEM, CONTEXTS = "You name what a feature of a language model stands for. " * 20, "the cat sat on the mat, " * 130
RUNS: dict[str, tuple[int | None, list[str]]] = {
    "faultless": (IN_FLIGHT, []),
    "faults": (IN_FLIGHT, ["--p-429", "0.05", "--p-reset", "0.02"]),
    "adaptive": (None, []),
}


class Label(BaseModel):
    """A reply like those to the real questions."""

    model_config = ConfigDict(extra="forbid")

    label: Annotated[str, Field(max_length=80)]
    kind: Literal["MONO", "POLY"]
    confidence: Annotated[int, Field(ge=1, le=5)]
    evidence: list[int]


class Memory:
    """A listener that looks at this process's size now and then."""

    def __init__(self) -> None:
        self.mib: dict[int, float] = {}

    def __call__(self, done: int, total: int, note: str = "") -> None:
        """Look at every tenth of the way."""
        del note
        if done % max(1, total // 10) == 0 and done not in self.mib:
            pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
            self.mib[done] = pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    @property
    def growth_kib(self) -> float:
        """KiB a request, over the second half of the run (the replies themselves are kept, and count)."""
        last = max(self.mib)
        half = min(self.mib, key=lambda done: abs(done - last / 2))
        return (self.mib[last] - self.mib[half]) * 1024 / (last - half)


@contextlib.contextmanager
def server(*options: str) -> Iterator[str]:
    """A loopback server in a process of its own; gives its address."""
    command = [sys.executable, str(Path(__file__).with_name("_loopback.py")), "--delay-s", str(DELAY_S), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
        finally:
            process.kill()


def measure(n: int, max_concurrency: int | None, options: list[str]) -> dict[str, object]:
    """One run of ``n`` requests."""
    requests = [
        Request((Message("system", SYSTEM), Message("user", f"{number}: {CONTEXTS}")), Label) for number in range(n)
    ]
    memory, limits = Memory(), Limits(max_concurrency=max_concurrency)
    with tempfile.TemporaryDirectory() as folder, server(*options) as url:
        provider = parse_provider("openai:m", base_url=url)
        warm = [Request((Message("user", f"warm {number}"),), Label) for number in range(100)]
        ask(warm, provider=provider, journal=Path(folder) / "warm", limits=limits)
        started, cpu = time.perf_counter(), time.process_time()
        replies = ask(requests, provider=provider, journal=Path(folder) / "j", limits=limits, progress=memory)
        seconds, cpu_s = time.perf_counter() - started, time.process_time() - cpu
    outcomes = Counter(str(reply.outcome) for reply in replies)
    return {
        "n": n, "per_s": round(n / seconds, 1), "cpu_ms": round(1000 * cpu_s / n, 3),
        "n_lost": n - outcomes["ok"], "growth_kib": round(memory.growth_kib, 2),
    }  # fmt: skip


def measure_sdk(n: int) -> dict[str, object]:
    """The SDK alone: ``n`` calls of ``create()``, nothing journalled, nothing validated."""

    async def go(url: str) -> tuple[float, float]:
        async with openai.AsyncOpenAI(api_key="none-needed", base_url=url, max_retries=0, timeout=20) as client:
            numbers = iter(range(n))

            async def work() -> None:
                for number in numbers:
                    user = {"role": "user", "content": f"{number}: {CONTEXTS}"}
                    await client.chat.completions.create(
                        model="m", messages=[{"role": "system", "content": SYSTEM}, user]
                    )

            started, cpu = time.perf_counter(), time.process_time()
            await asyncio.gather(*(work() for _ in range(IN_FLIGHT)))
            return time.perf_counter() - started, time.process_time() - cpu

    with server() as url:
        seconds, cpu_s = asyncio.run(go(url))
    return {"n": n, "per_s": round(n / seconds, 1), "cpu_ms": round(1000 * cpu_s / n, 3)}


def main() -> None:
    """Measure all runs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=20_000)
    options = parser.parse_args()
    os.environ.setdefault("OPENAI_API_KEY", "none-needed")
    figures: dict[str, object] = {
        "in_flight": IN_FLIGHT, "delay_s": DELAY_S, "ideal_per_s": IDEAL_PER_S, "load_average": os.getloadavg()[0],
        "sdk_alone": measure_sdk(options.n // 5),
    }  # fmt: skip
    print(f"sdk_alone: {figures['sdk_alone']}", flush=True)
    for name, (max_concurrency, faults) in RUNS.items():
        figures[name] = found = measure(options.n, max_concurrency, faults)
        print(f"{name}: {found}", flush=True)
    print(write_result("llm_throughput", figures))


if __name__ == "__main__":
    main()
