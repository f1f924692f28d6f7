"""Options that several verbs share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypedDict

import typer

RunArgument = Annotated[Path, typer.Argument(metavar="RUN", help="A run directory.", show_default=False)]
ConfigArgument = Annotated[
    Path, typer.Argument(metavar="CONFIG.toml", help="What to train, on what.", show_default=False)
]
SAEOption = Annotated[
    str | None,
    typer.Option(
        "--sae", metavar="PATH", help="The SAE: a folder or file in any format that 'convert' reads, or a hub id."
    ),
]
ModelOption = Annotated[
    str | None, typer.Option(metavar="NAME|DIR", help="Subject model: bundled, a hub name, a folder. [SAE's metadata]")
]
HookOption = Annotated[str | None, typer.Option("--hook-point", help="Where the SAE reads. [SAE's metadata]")]
CorpusOption = Annotated[str | None, typer.Option(metavar="python|FILE|hf:NAME", help="Text to read. [SAE's metadata]")]
ColumnOption = Annotated[str | None, typer.Option(help="Text column of a .jsonl, .parquet or hub data set. [text]")]
TokensOption = Annotated[int | None, typer.Option("--tokens", min=1, metavar="N", help="Tokens to read. [1000000]")]
SeedOption = Annotated[int | None, typer.Option(min=0, help="Of every random choice. [0]")]
KeepBosOption = Annotated[
    bool | None, typer.Option("--keep-bos/--drop-bos", help="Count BOS and first positions. [--drop-bos]")
]
DeviceOption = Annotated[str, typer.Option(help="cpu or cuda.")]
ThreadsOption = Annotated[int | None, typer.Option(min=1, help="CPU threads for torch.")]
ResumeOption = Annotated[bool, typer.Option("--resume", help="Go on with the run in --out; start it if there is none.")]
ResumeTrainingOption = Annotated[
    bool, typer.Option("--resume", help="Go on with what was stopped; start it if there is none.")
]
LLMOption = Annotated[
    str | None,
    typer.Option(
        "--llm", metavar="PROVIDER:MODEL", help="rules, openai:MODEL, anthropic:MODEL, batch:openai:MODEL, jsonl, ..."
    ),
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Only say what it would take and cost.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


class SpendingOptions(TypedDict, total=False):
    """The keys of ``verbs.SpendingOptions``, which takes seconds to import, with words for the parser."""

    max_cost_usd: Annotated[
        float | None, typer.Option("--max-cost", min=0, metavar="USD", help="What the run may cost, scores included.")
    ]
    max_requests: Annotated[int | None, typer.Option(min=0, help="Requests the run may make, scores included.")]
    max_connections: Annotated[
        int | None, typer.Option(min=1, help="Requests in flight at most. [as many as the account turns out to take]")
    ]
    cache: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="A folder of answers that runs share: what one bought, none buys."),
    ]
    prices: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Price table (TOML) with the model's prices. [$AUTOINTERP_PRICES]"),
    ]


class DeliveryOptions(SpendingOptions, total=False):
    """The same for ``verbs.DeliveryOptions``."""

    requests_out: Annotated[
        Path | None,
        typer.Option("--requests-out", metavar="FILE", help="With --llm jsonl: write what is to be answered."),
    ]
    replies_in: Annotated[
        Path | None, typer.Option("--replies-in", metavar="FILE", help="With --llm jsonl: take answers in.")
    ]
    forget_batches: Annotated[
        bool,
        typer.Option("--forget-batches", help="Ask again what a batch begun earlier may still answer, and charge."),
    ]


class AskingOptions(DeliveryOptions, total=False):
    """The same for ``verbs.AskingOptions``."""

    base_url: Annotated[str | None, typer.Option("--base-url", help="Another server for the provider.")]
    requests_per_minute: Annotated[float | None, typer.Option("--rpm", min=0, help="Requests a minute at most.")]
    tokens_per_minute: Annotated[
        float | None, typer.Option("--tpm", min=0, help="Tokens a minute at most, in and out.")
    ]
