"""The exception tree and its exit codes."""

from __future__ import annotations

from autointerp import errors


def test_every_error_is_in_the_tree_with_its_exit_code() -> None:
    codes = {
        name: found.exit_code
        for name, found in vars(errors).items()
        if isinstance(found, type) and issubclass(found, errors.AutointerpError)
    }
    assert codes == {
        "AutointerpError": 1,
        "UsageError": 2,
        "MismatchError": 2,
        "NotComparableError": 2,
        "IncompleteError": 4,
        "ProviderFatalError": 5,
        "InterruptedRunError": 130,
        "TerminatedRunError": 143,
    }
    for name in codes:
        assert name in (errors.__doc__ or "")


def test_a_mismatch_names_both_values() -> None:
    error = errors.MismatchError("hook points", expected="blocks.1", found="blocks.2", hint="Choose one.")
    assert "'blocks.1'" in str(error)
    assert "'blocks.2'" in str(error)
    assert "Choose one." in str(error)
