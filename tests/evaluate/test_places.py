"""Hook points in the order of the model, and by short names."""

from __future__ import annotations

from autointerp.evaluate._places import depth, short_name, writes_to_stream


def test_hook_points_sort_as_a_forward_pass_comes_by():
    ordered = [
        "hook_embed",
        "blocks.0.hook_resid_pre",
        "blocks.0.attn.hook_z",
        "blocks.0.hook_resid_mid",
        "blocks.0.hook_mlp_out",
        "blocks.0.hook_resid_post",
        "blocks.2.hook_resid_post",
        "blocks.10.hook_resid_pre",
    ]
    by_name = sorted(ordered)
    assert by_name != ordered
    assert sorted(by_name, key=depth) == ordered


def test_short_names_and_directions_of_the_stream():
    assert short_name("blocks.3.hook_resid_post") == "3 resid_post"
    assert short_name("hook_embed") == "hook_embed"
    assert writes_to_stream("blocks.3.hook_resid_post")
    assert writes_to_stream("blocks.3.hook_mlp_out")
    assert not writes_to_stream("blocks.3.attn.hook_z")
