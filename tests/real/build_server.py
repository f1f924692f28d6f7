"""Build llama.cpp's ``llama-server`` into the user's cache folder: ``make real-server`` runs this file.

Its source comes inside the source package of llama-cpp-python on the package index, cmake and ninja come as wheels;
only a C++ compiler must be there. Nothing else of the package is built, and the binary is made once per version.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import venv
from pathlib import Path

VERSION = "0.3.36"
TOOLS = ("cmake==4.1.2", "ninja==1.13.0")
OPTIONS = (
    *("CMAKE_BUILD_TYPE=Release", "CMAKE_C_FLAGS_RELEASE=-O1", "CMAKE_CXX_FLAGS_RELEASE=-O1", "BUILD_SHARED_LIBS=OFF"),
    *("GGML_NATIVE=OFF", "GGML_OPENMP=OFF", "GGML_LLAMAFILE=OFF"),
    *("LLAMA_BUILD_TESTS=OFF", "LLAMA_BUILD_EXAMPLES=OFF", "LLAMA_CURL=OFF", "LLAMA_OPENSSL=OFF"),
    *("LLAMA_BUILD_WEBUI=OFF", "LLAMA_BUILD_UI=OFF", "LLAMA_USE_PREBUILT_UI=OFF"),
)


def server_path() -> Path:
    """Where the binary is, or will be."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "autointerp" / f"llama-server-{VERSION}" / "llama-server"


def main() -> int:
    """Build unless it is there; the exit code: 0, 1 where the build fails, 2 where there is no compiler."""
    target = server_path()
    if target.is_file():
        print(f"{target} is there")
        return 0
    if not any(map(shutil.which, (os.environ.get("CXX", "c++"), "g++", "clang++"))):
        print("llama-server is built from source, and no C++ compiler was found; on Debian: apt-get install g++")
        return 2
    started = time.monotonic()
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(dir=target.parent, prefix="build-") as work:
            _build(Path(work)).replace(target)  # in one step: another build at the same time does no harm
    except subprocess.CalledProcessError as error:
        print(f"llama-server could not be built: {' '.join(error.cmd)} ended with {error.returncode}")
        return 1
    cpu = os.times().children_user + os.times().children_system
    print(f"{target} built in {(time.monotonic() - started) / 60:.1f} min, with {cpu / 60:.1f} min of CPU time")
    return 0


def _build(work: Path) -> Path:
    """Download, unpack and compile in an empty folder; the binary."""
    venv.create(work / "venv", with_pip=True)
    tools = work / "venv" / "bin"
    pip = (tools / "python", "-m", "pip", "--disable-pip-version-check", "-q")
    _run(*pip, "install", *TOOLS)
    package = f"llama-cpp-python=={VERSION}"
    _run(*pip, "download", "--no-deps", "--no-binary", "llama-cpp-python", "-d", work, package)
    (archive,) = work.glob("llama_cpp_python-*.tar.gz")
    with tarfile.open(archive) as tar:
        tar.extractall(work, filter="data")
    source = work / f"llama_cpp_python-{VERSION}" / "vendor" / "llama.cpp"
    options = [f"-D{option}" for option in OPTIONS]
    _run(tools / "cmake", "-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={tools / 'ninja'}", "-S", source, "-B", work, *options)
    jobs = ("--parallel", str(os.cpu_count() or 1))
    _run(tools / "cmake", "--build", work, "--target", "llama-server", *jobs)
    return work / "bin" / "llama-server"


def _run(*command: str | Path) -> None:
    subprocess.run([str(part) for part in command], check=True, stdout=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
