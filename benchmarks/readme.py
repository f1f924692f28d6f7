"""Put the recorded demo output into README.md, between its markers.

python benchmarks/readme.py
"""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
MARKER = re.compile(r"(<!-- demo: [^\n]*-->\n).*?(<!-- /demo -->)", re.DOTALL)


def with_demo(readme: str, terminal: str) -> str:
    """README's text with the demo's terminal output in its place."""
    block = f"```\n{terminal.rstrip()}\n```\n"
    return MARKER.sub(lambda found: found[1] + block + found[2], readme)


def main() -> None:
    """Rewrite README.md."""
    readme = ROOT / "README.md"
    terminal = (ROOT / "results" / "demo" / "terminal.txt").read_text(encoding="utf-8")
    readme.write_text(with_demo(readme.read_text(encoding="utf-8"), terminal), encoding="utf-8")


if __name__ == "__main__":
    main()
