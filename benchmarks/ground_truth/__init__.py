"""Features with known meaning, planted in real text, put through the whole pipeline.

    python -m benchmarks.ground_truth run [--out DIR]
    python -m benchmarks.ground_truth make --out DIR
    python -m benchmarks.ground_truth ask RUN --llm LLM
    python -m benchmarks.ground_truth measure DIR

See ``__main__``.
"""
