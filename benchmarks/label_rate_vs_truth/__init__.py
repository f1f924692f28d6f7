"""Two verdicts on the same features: the label rate that studies quote, and the rates that held-out text gives.

    python -m benchmarks.label_rate_vs_truth [--work DIR] [--points small]

See ``__main__``.
"""
