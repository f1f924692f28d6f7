"""Two names of one place are equal, two places are not."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autointerp.errors import MismatchError
from autointerp.subject import check_hook_points, load_subject, same_hook_point

NAMES = st.builds(
    "blocks.{}.{}".format,
    st.integers(0, 4),
    st.sampled_from(
        ["hook_resid_pre", "hook_resid_post", "hook_resid_mid", "hook_in", "hook_out", "mlp.hook_out", "hook_mlp_out"]
    ),
) | st.sampled_from(["hook_embed", "ln_final.hook_normalized"])


@settings(deadline=None)
@given(a=NAMES, b=NAMES, c=NAMES, n_layers=st.none() | st.integers(1, 5))
def test_it_is_an_equivalence(a, b, c, n_layers):
    assert same_hook_point(a, a, n_layers)
    assert same_hook_point(a, b, n_layers) == same_hook_point(b, a, n_layers)
    if same_hook_point(a, b, n_layers) and same_hook_point(b, c, n_layers):
        assert same_hook_point(a, c, n_layers)


def test_names_of_one_place():
    assert same_hook_point("blocks.1.hook_resid_post", "blocks.2.hook_resid_pre")
    assert same_hook_point("blocks.1.hook_out", "blocks.2.hook_in")
    assert same_hook_point("blocks.1.mlp.hook_out", "blocks.1.hook_mlp_out")
    assert not same_hook_point("blocks.1.hook_resid_pre", "blocks.2.hook_resid_pre")
    assert not same_hook_point("blocks.2.hook_resid_post", "blocks.3.hook_resid_pre", n_layers=3)


def test_equal_names_hold_equal_numbers(model_folder, token_batch):
    a, b = (
        load_subject(str(model_folder("neox")), hook_point=name).residuals(token_batch)
        for name in ("blocks.0.hook_resid_post", "blocks.1.hook_resid_pre")
    )
    assert a.equal(b)


def test_a_mismatch_names_both():
    check_hook_points("blocks.1.hook_resid_post", "blocks.2.hook_resid_pre", n_layers=3)
    with pytest.raises(MismatchError, match=r"expected 'blocks.6.hook_resid_pre', found 'blocks.7.hook_resid_pre'"):
        check_hook_points("blocks.6.hook_resid_pre", "blocks.7.hook_resid_pre")
