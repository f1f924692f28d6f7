"""Every class of faults, and the tests that make it happen. Where it is the provider's, both SDKs are asked."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]

TABLE: dict[str, list[str]] = {
    "1 rate limits, with every form of Retry-After": [
        "faults/test_rate_limits.py::test_the_wait_is_at_least_as_long_as_was_asked",
        "faults/test_rate_limits.py::test_what_stays_limited_is_an_error_and_the_run_goes_on",
        "llm/test_llm_faults.py::test_reading_retry_after",
        "llm/test_llm_faults.py::test_retry_after_is_honoured",
        "llm/test_llm_faults.py::test_too_long_a_wait_ends_the_request_and_not_the_run",
        "llm/test_llm_pace.py::test_one_decrease_an_episode",
        "llm/test_llm_run.py::test_a_pause_is_kept_by_everybody",
        "llm/test_llm_run.py::test_a_soak",
    ],
    "2 a used-up quota": [
        "faults/test_rate_limits.py::test_a_used_up_quota_exits_5_and_keeps_what_is_paid_for",
        "llm/test_llm_faults.py::test_account_errors_end_the_run_at_once",
    ],
    "3 500, 502, 503, 529, in HTML": [
        "faults/test_rate_limits.py::test_a_page_of_html_is_not_repeated_and_waits_are_not_in_step",
        "llm/test_llm_faults.py::test_the_policy_waits_longer_and_longer_and_ends",
        "llm/test_llm_run.py::test_a_server_that_is_down_is_not_asked_ten_thousand_times",
    ],
    "4 400, 401, 403, 404, 413, 422": [
        "faults/test_rate_limits.py::test_a_request_that_is_too_large_says_so_and_is_not_repeated",
        "llm/test_llm_faults.py::test_lasting_errors_are_not",
        "llm/test_llm_faults.py::test_account_errors_end_the_run_at_once",
        "llm/test_llm_ask.py::test_a_refused_key_stops_the_run_and_keeps_the_rest",
    ],
    "5 half a response": [
        "faults/test_wire.py::test_half_a_reply_is_no_reply",
        "faults/test_wire.py::test_a_server_that_never_gets_it_right_is_an_error",
        "faults/test_wire.py::test_odd_but_whole_replies_count",
    ],
    "6 a response that never ends, or never begins": [
        "faults/test_wire.py::test_slow_bytes_end_at_the_deadline_and_hold_up_nobody",
        "llm/test_llm_faults.py::test_stalls_end_at_the_deadline_and_hold_up_nobody",
        "real/test_real_faults.py::test_a_frozen_server_costs_a_deadline_and_no_reply",
    ],
    "7 a 200 that is no reply": [
        "llm/test_llm_faults.py::test_garbage_is_never_a_reply",
        "llm/test_llm_faults.py::test_garbage_without_end_is_an_error_with_an_excerpt",
    ],
    "8 a reply that is no JSON": [
        "faults/test_replies.py::test_what_does_not_fit_is_invalid_with_a_reason_after_one_more_try",
        "faults/test_replies.py::test_a_fence_and_blanks_are_no_fault",
        "llm/test_llm_validate.py::test_bad_replies",
        "llm/test_llm_validate.py::test_any_text_gives_a_reason",
    ],
    "9 values out of bounds": [
        "faults/test_replies.py::test_what_does_not_fit_is_invalid_with_a_reason_after_one_more_try",
        "llm/test_llm_schema.py::test_anthropic_golden",
        "label/test_label_llm.py::test_bounds_are_checked_here",
    ],
    "10 refusals and content filters": [
        "faults/test_replies.py::test_every_way_to_end_without_an_answer_is_kept_with_its_cost",
        "llm/test_llm_ask.py::test_a_refusal_is_final_and_named",
        "llm/test_llm_ask.py::test_a_content_filter_is_final",
    ],
    "11 replies that were cut": [
        "faults/test_replies.py::test_every_way_to_end_without_an_answer_is_kept_with_its_cost",
        "llm/test_llm_ask.py::test_a_cut_reply_is_asked_again_with_more_room",
        "llm/test_llm_ask.py::test_there_is_one_reask_and_no_more",
    ],
    "12 a server that ignores the schema": [
        "llm/test_llm_faults.py::test_the_ladder_steps_down_once_for_an_endpoint",
        "llm/test_llm_faults.py::test_a_schema_that_is_ignored_steps_down_and_says_so",
        "llm/test_llm_faults.py::test_a_server_that_refuses_every_rung_is_an_error",
    ],
    "13 token counts that can't be": [
        "faults/test_replies.py::test_a_count_that_cant_be_costs_what_was_set_aside",
        "llm/test_llm_faults.py::test_usage_that_cant_be_is_unknown",
        "llm/test_llm_budget.py::test_unknown_usage_counts_as_the_worst_case",
    ],
    "14 a budget that ends with requests in flight": [
        "llm/test_llm_budget.py::test_the_budget_holds_and_a_higher_one_goes_on",
        "llm/test_llm_budget.py::test_no_reply_costs_more_than_its_worst_case",
        "score/test_score_served.py::test_the_whole_way_and_back_from_the_journal",
        "run/test_errors.py::test_every_error_is_in_the_tree_with_its_exit_code",
    ],
    "15 kill -9 at any moment": [
        "faults/test_kill.py::test_200_kills_lose_nothing_and_pay_twice_only_for_what_was_in_flight",
        "faults/test_kill_command.py::test_the_command_is_killed_and_goes_on",
        "llm/test_llm_journal_machine.py::test_the_books_of_two_runs_balance",
        "llm/test_llm_batch_crash.py::test_a_killed_process_submits_once",
        "harvest/test_harvest_killed.py::test_killed_and_resumed",
        "train/test_train_command.py::test_kill_9_and_resume_give_the_weights_of_an_undisturbed_run",
    ],
    "16 two processes on one run": [
        "run/test_run_directory.py::test_a_second_writer_is_refused_with_the_first_ones_pid",
        "score/test_retry.py::test_a_run_that_another_process_writes_is_left_alone",
        "llm/test_llm_journal.py::test_two_processes_may_write",
        "train/test_cache.py::test_two_writers_are_refused",
    ],
    "17 a disk that is full, or takes no files": [
        "faults/test_disk.py::test_an_export_that_does_not_fit_leaves_the_old_one",
        "faults/test_disk.py::test_an_export_into_a_folder_that_takes_no_files",
        "faults/test_disk.py::test_a_full_device_stays_a_device",
        "faults/test_disk.py::test_a_table_that_does_not_fit_leaves_the_old_one",
        "faults/test_disk.py::test_a_journal_that_does_not_fit_ends_the_run_and_keeps_what_was_acknowledged",
        "faults/test_disk.py::test_a_journal_in_a_folder_that_takes_no_files",
        "faults/test_disk.py::test_a_cache_on_such_a_disk_costs_the_sharing_and_nothing_else",
        "faults/test_disk.py::test_an_sae_that_does_not_fit_is_no_sae",
        "faults/test_disk.py::test_a_checkpoint_that_does_not_fit_leaves_the_old_one",
        "llm/test_llm_journal.py::test_a_full_disk_is_a_clean_error_and_costs_no_row",
    ],
    "18 results of a batch that are wrong, torn or twice there": [
        "llm/test_llm_batch.py::test_results_that_are_not_as_they_should_be",
        "llm/test_llm_batch.py::test_a_torn_file_is_fetched_again_before_anything_is_given_up",
        "llm/test_llm_batch.py::test_results_that_are_no_replies_are_errors",
    ],
    "19 a cache that is spoilt or foreign": [
        "llm/test_llm_cache.py::test_a_spoilt_entry_is_passed_over_and_written_anew",
        "llm/test_llm_cache.py::test_an_entry_under_a_foreign_name_is_no_answer",
        "llm/test_llm_cache.py::test_an_entry_is_plain_json",
        "llm/test_llm_request.py::test_the_bytes_of_a_key_never_change",
    ],
    "20 the key, echoed and logged": [
        "faults/test_key.py::test_the_chattiest_logs_do_not_hold_it",
        "faults/test_key.py::test_tracebacks_do_not_hold_it_with_all_their_variables",
        "faults/test_key.py::test_a_key_that_no_header_can_carry_is_refused_and_not_shown",
        "faults/test_key.py::test_what_a_server_echoes_is_masked_before_it_is_kept",
        "faults/test_canary.py::test_a_session_that_writes_the_key_fails",
        "llm/test_llm_faults.py::test_the_key_is_in_no_file_and_no_message",
        "llm/test_llm_batch.py::test_nothing_secret_is_kept",
        "llm/test_llm_request.py::test_secrets_in_addresses_are_refused_and_not_shown",
        "report/test_doctor.py::test_a_key_is_seen_and_never_shown",
    ],
    "21 orders in the corpus": [
        "label/test_label_injection.py::test_hostile_text_stays_within_its_line",
        "label/test_label_injection.py::test_a_label_that_hides_or_breaks_something_is_invalid",
        "label/test_label_injection.py::test_a_model_that_obeys_beyond_the_bounds_gives_no_label",
        "score/test_score_prompts.py::test_hostile_contexts_and_labels_stay_within_their_lines",
    ],
    "22 text that spreadsheets run, or readers lose": [
        "export/test_csv.py::test_no_cell_is_a_formula",
        "export/test_csv.py::test_any_text_survives_both_readers",
        "export/test_csv.py::test_a_whole_file_round_trips",
    ],
    "23 text that browsers run": [
        "report/test_report.py::test_hostile_text_is_only_text",
        "report/test_report.py::test_it_needs_nothing_and_runs_nothing",
        "report/test_report.py::test_what_turns_or_hides_text_is_an_escape",
        "view/test_view_pack.py::test_no_text_hides_or_leaves_its_place",
        "view/test_view_hostile.py::test_documents_hold_it_as_visible_text",
        "view/test_view_hostile.py::test_pages_hold_no_markup_of_it",
        "gate/test_render.py::test_hostile_labels_are_only_text_in_markdown",
        "gate/test_render.py::test_any_label_makes_well_formed_xml",
    ],
    "24 SAE files that run code, unpack for ever, or lie": [
        "faults/test_sae_files.py::test_an_archive_that_unpacks_to_more_than_it_is",
        "faults/test_sae_files.py::test_a_header_that_lies_about_its_own_length",
        "faults/test_sae_files.py::test_a_header_that_lies_about_a_tensor",
        "sae/test_format_damaged.py::test_code_in_a_file_is_never_run",
        "sae/test_format_damaged.py::test_weights_that_can_not_be_used",
        "sae/test_format_damaged.py::test_a_tensor_that_only_claims_its_size",
        "sae/test_formats.py::test_a_payload_is_refused_and_does_not_run",
    ],
    "25 names that are paths": [
        "view/test_view_server.py::test_there_is_nothing_else",
        "faults/test_paths.py::test_a_models_name_is_no_path",
        "faults/test_paths.py::test_a_link_in_a_run_directory_is_replaced_and_not_written_through",
        "run/test_default_run.py::test_it_is_never_outside",
        "sae/test_format_hub.py::test_what_looks_like_a_place_on_the_hub",
    ],
    "26 far too much, and nothing at all": [
        "faults/test_replies.py::test_a_reply_of_20_megabytes_is_invalid_and_asked_for_again",
        "faults/test_nothing_to_measure.py::test_an_all_dead_sae_has_no_rates",
        "label/test_label_excerpt.py::test_an_excerpt_fits_and_keeps_its_peak",
        "label/test_label_llm.py::test_few_contexts_are_not_asked_about",
        "score/test_score_prompts.py::test_no_text_takes_more",
        "score/test_score_rules.py::test_nothing_to_test_on_is_a_failure_not_a_verdict",
        "export/test_csv.py::test_no_features_make_a_header",
        "report/test_report.py::test_a_large_run_leaves_contexts_out_and_says_so",
    ],
    "27 a clock that jumps": [
        "faults/test_rate_limits.py::test_a_clock_that_jumps_moves_nothing",
        "faults/test_rate_limits.py::test_only_dates_of_servers_are_held_against_the_wall_clock",
    ],
    "28 Ctrl-C, Ctrl-C again, SIGTERM": [
        "llm/test_llm_ask.py::test_an_interrupt_lets_replies_come_home",
        "llm/test_llm_ask.py::test_a_second_interrupt_gives_up",
        "llm/test_llm_run.py::test_an_interrupt_does_not_wait_for_ever",
        "llm/test_llm_batch_crash.py::test_ctrl_c_leaves_the_batch_where_it_is",
        "llm/test_llm_ask.py::test_the_command_that_goes_on_is_exact",
        "cli/test_signals.py::test_a_signal_ends_the_command_in_words",
    ],
    "29 redirects, proxies, unencrypted addresses": [
        "faults/test_redirects.py::test_a_redirect_is_not_followed",
        "faults/test_redirects.py::test_a_batch_service_that_redirects_does_not_pass_the_key_on",
        "faults/test_redirects.py::test_a_key_that_crosses_a_network_unencrypted_is_warned_of",
        "faults/test_redirects.py::test_a_proxy_does_not_see_the_key_of_an_encrypted_address",
    ],
    "30 a judge that changes its mind": [
        "run/test_run_directory.py::test_a_manifest_round_trips_and_counts_seconds_over_parts",
        "score/test_score_parts.py::test_a_trial_is_shuffled_by_seed_and_feature_alone",
        "score/test_score_reliability.py::test_the_baseline_takes_the_noise_of_the_verified_verdict",
        "gate/test_baseline.py::test_rules_are_deterministic_and_others_unmeasured",
    ],
}


@cache
def functions_of(file: str) -> set[str]:
    tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_all_classes_are_there_in_their_order() -> None:
    assert [int(name.split()[0]) for name in TABLE] == list(range(1, 31))


@pytest.mark.parametrize("name", TABLE)
def test_the_tests_of_a_class_are_there(name: str) -> None:
    named = [test.split("::") for test in TABLE[name]]
    assert named
    assert [f"{file}::{test}" for file, test in named if test not in functions_of(file)] == []
