"""llama.cpp's server with the tiny random model, as a process that tests may stop, freeze and kill."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Self

from llm_canary import CANARY as KEY

CONTEXT_LENGTH, N_SLOTS = 16_384, 4


class LlamaServer:
    """One server on loopback; it can be started again at the same address after it was killed."""

    def __init__(self, binary: Path, model: Path, log: Path) -> None:
        """Choose a port; nothing runs yet.

        Args:
            binary: ``llama-server``.
            model: A GGUF file.
            log: The server's output goes there.
        """
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = int(probe.getsockname()[1])
        self._command = [
            str(binary), "--model", str(model), "--host", "127.0.0.1", "--port", str(self._port), "--api-key", KEY,
            "--threads", "1", "--threads-batch", "1", "--threads-http", "32", "--seed", "1", "--jinja", "--no-warmup",
            "--parallel", str(N_SLOTS), "--ctx-size", str(N_SLOTS * CONTEXT_LENGTH), "--no-kv-unified",
        ]  # fmt: skip
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def root(self) -> str:
        """The address without ``/v1``."""
        return f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def start(self) -> None:
        """Start, and wait until it answers."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
        deadline = time.monotonic() + 60
        while not self._is_healthy():
            assert self._process.poll() is None, f"llama-server ended:\n{self._log.read_text(errors='replace')}"
            assert time.monotonic() < deadline, "llama-server did not start within a minute"
            time.sleep(0.05)

    def freeze(self) -> None:
        """Stop all its threads where they are; connections stay open, and nothing answers."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on."""
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it without a word, frozen or not."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        os.kill(self._process.pid, number)

    def _is_healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.root}/health", timeout=5) as response:
                return bool(response.status == 200)
        except OSError:
            return False
