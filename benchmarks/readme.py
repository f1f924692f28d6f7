"""Put the recorded demo's output and its time into README.md, between their markers.

python benchmarks/readme.py
"""

from __future__ import annotations

import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
OUTPUT = re.compile(r"(<!-- demo: [^\n]*-->\n).*?(<!-- /demo -->)", re.DOTALL)
TIME = re.compile(r"(<!-- demo time -->).*?(<!-- /demo time -->)", re.DOTALL)


def renewed(readme: str) -> str:
    """README's text with what the recorded demo printed, and how long it took."""
    terminal = (ROOT / "results" / "demo" / "terminal.txt").read_text(encoding="utf-8")
    record = json.loads((ROOT / "results" / "demo.json").read_text(encoding="utf-8"))
    block = f"```console\n{terminal.rstrip()}\n```\n"
    took = f"{sum(record['seconds'].values()):.0f} s ({record['machine']}, {record['date']})"
    readme = OUTPUT.sub(lambda found: found[1] + block + found[2], readme)
    return TIME.sub(lambda found: found[1] + took + found[2], readme)


def main() -> None:
    """Rewrite README.md."""
    readme = ROOT / "README.md"
    readme.write_text(renewed(readme.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
