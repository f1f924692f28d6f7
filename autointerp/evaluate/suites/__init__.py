"""One module a suite, each with a function ``measure(setting) -> Findings``."""
