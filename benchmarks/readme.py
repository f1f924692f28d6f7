"""Put what the benchmarks recorded into README.md, between markers: the demo's output, tables and single figures.

python benchmarks/readme.py
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
DTYPES = ("float32", "bfloat16")


def renewed(readme: str) -> str:
    """README's text with what is recorded now."""
    for name, block in blocks().items():
        marked = re.compile(rf"(<!-- {name}: [^\n]*-->\n).*?(<!-- /{name} -->)", re.DOTALL)
        readme = marked.sub(lambda found, block=block: found[1] + block + found[2], readme)  # type: ignore[misc]
    for name, figure in figures().items():
        marked = re.compile(f"(<!-- {name} -->).*?(<!-- /{name} -->)", re.DOTALL)
        readme = marked.sub(lambda found, figure=figure: found[1] + figure + found[2], readme)  # type: ignore[misc]
    return readme


def blocks() -> dict[str, str]:
    """Marker -> the lines between it and its end."""
    terminal, rates = (
        (ROOT / "results" / file).read_text(encoding="utf-8").rstrip()
        for file in ("demo/terminal.txt", "label_rate_vs_truth/short.md")
    )
    return {"demo": f"```console\n{terminal}\n```\n", "label rates": f"{rates}\n"}


def figures() -> dict[str, str]:
    """Marker -> what stands between it and its end."""
    demo, truth, gate = recorded("demo"), recorded("ground_truth")["runs"].values(), recorded("gate")
    verdicts = [run["verdicts"]["5 % false"][kind] for run in truth for kind in ("single, inside", "unions", "noise")]
    bottom = [run["bottom"]["5 % false"]["either"] for run in truth]
    quality = recorded("train_quality")["at_equal_l0"]
    relu, topk = ([row for row in quality if row["architecture"] == name] for name in ("standard", "topk"))
    steps = {row["name"]: row for row in recorded("train_step")["rows"]}
    float32, bfloat16 = ([steps[f"autointerp {name} {dtype}"] for name in ("standard", "topk")] for dtype in DTYPES)
    theirs = [steps[f"sae_lens {name}"] for name in ("standard", "topk")]
    kill, evaluation, tuning = recorded("kill"), recorded("evaluate"), recorded("finetune")
    tuned = {row["tune"]: row["after"] for row in tuning["rows"] if row["method"] == "least-squares"}
    return {
        "kills": f"{kill['kills']:,}",
        "kills in flight": f"{kill['kills_in_flight_share']:.0%}",
        "kill losses": f"{kill['rows_lost']}",
        "kill repeats": f"{kill['paid_twice_otherwise']}",
        "kill runs": f"{kill['runs_byte_equal']} of {kill['runs']}",
        "quality l0": span([row["l0"] for row in relu], ".0f"),
        "quality relu": span([row["best_rival_over_ours"] for row in relu], ".3f"),
        "quality k": span([row["k"] for row in topk], ".0f"),
        "quality topk": span([row["best_rival_over_ours"] for row in topk], ".3f"),
        "demo time": f"{sum(demo['seconds'].values()):.0f} s ({demo['machine']}, {demo['date']})",
        "evaluate time": f"{evaluation['seconds']['demo']:.0f} s ({evaluation['machine']}, {evaluation['date']})",
        "finetune before": f"{tuning['before']['fvu']:.3f}",
        "finetune scale": f"{tuned['scale']['fvu']:.3f}",
        "finetune decoder": f"{tuned['decoder']['fvu']:.3f}",
        "finetune short": f"{tuning['before']['l2_ratio']:.0%}",
        "finetune long": f"{tuned['scale']['l2_ratio']:.0%}",
        "step fp32": span([row["times_sae_lens"] for row in float32], ".1f"),
        "step bf16": span([row["times_sae_lens"] for row in bfloat16], ".1f"),
        "step memory": span([row["peak_mib"] for row in (*float32, *bfloat16)], ".0f") + " MiB",
        "step rival memory": span([row["peak_mib"] for row in theirs], ".0f") + " MiB",
        "verdicts": share(verdicts),
        "bottom": share(bottom),
        "gate power": f"{gate['power_at_200']['autointerp']:.0%}",
        "gate alarms": f"{gate['false_alarms']['autointerp']:.1%}",
    }


def recorded(name: str) -> Any:
    """What a benchmark wrote."""
    return json.loads((ROOT / "results" / f"{name}.json").read_text(encoding="utf-8"))


def span(values: list[float], form: str) -> str:
    """``8 to 55``."""
    return f"{min(values):{form}} to {max(values):{form}}"


def share(counts: list[dict[str, int]]) -> str:
    """``263 of 277 (94.9 %)`` over several counts."""
    k, n = (sum(one[name] for one in counts) for name in ("k", "n"))
    return f"{k} of {n} ({k / n:.1%})"


def main() -> None:
    """Rewrite README.md."""
    readme = ROOT / "README.md"
    readme.write_text(renewed(readme.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
