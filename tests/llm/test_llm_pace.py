"""The laws of the scheduler, each alone: how the pace moves, what a bucket lets through, when the breaker trips."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autointerp.llm._breaker import PATIENCE, Breaker
from autointerp.llm._bucket import Bucket
from autointerp.llm._pace import CEILING, START, Pace


def a_round(pace: Pace, now_s: float, *, share: float = 1.0) -> None:
    """As many requests as the limit (or a share of it) are sent at once, and all are answered a second later."""
    n = round(pace.limit * share)
    for n_in_flight in range(1, n + 1):
        pace.sent(n_in_flight, now_s=now_s)
    for _ in range(n):
        pace.succeeded(sent_s=now_s)


def test_the_pace_doubles_until_something_goes_wrong() -> None:
    pace, limits = Pace(), []
    for now_s in range(4):
        limits.append(pace.limit)
        a_round(pace, float(now_s))
    assert limits == [START, 2 * START, 4 * START, 8 * START]
    for now_s in range(4, 9):
        a_round(pace, float(now_s))
    assert pace.limit == CEILING


def test_after_a_decrease_it_grows_by_one_a_round() -> None:
    pace = Pace(start=100)
    pace.overloaded(sent_s=0.0, now_s=1.0)
    assert pace.limit == 80
    for now_s in range(2, 7):
        a_round(pace, float(now_s))
    assert 84 <= pace.limit <= 85


def test_success_with_room_left_is_no_evidence() -> None:
    pace = Pace()
    for now_s in range(9):
        a_round(pace, float(now_s), share=0.5)
    assert pace.limit == START


def test_one_decrease_an_episode() -> None:
    pace = Pace(start=100)
    for _ in range(50):  # all that was in flight fails at about the same time
        pace.overloaded(sent_s=1.0, now_s=2.0, wait_s=30.0)
    assert (pace.limit, pace.n_decreases) == (80, 1)
    pace.overloaded(sent_s=20.0, now_s=31.0)  # sent later, but the cooldown is as long as the wait that was asked for
    pace.overloaded(sent_s=1.5, now_s=60.0)  # late, but sent before
    assert pace.limit == 80
    pace.overloaded(sent_s=33.0, now_s=34.0)
    assert (pace.limit, pace.n_decreases) == (64, 2)


def test_success_from_before_a_decrease_is_no_evidence() -> None:
    pace = Pace(start=10)
    for n_in_flight in range(1, 11):
        pace.sent(n_in_flight, now_s=1.0)
    pace.overloaded(sent_s=1.0, now_s=2.0)
    for _ in range(9):
        pace.succeeded(sent_s=1.0)
    assert pace.limit == 8


@given(st.lists(st.sampled_from(["sent", "ok", "overload"]), max_size=300), st.integers(1, 9))
def test_the_pace_stays_within_its_bounds(events: list[str], limit: int) -> None:
    pace, fixed = Pace(), Pace.fixed(limit)
    for number, event in enumerate(events):
        for one in (pace, fixed):
            if event == "sent":
                one.sent(one.limit, now_s=float(number))
            elif event == "ok":
                one.succeeded(sent_s=number - 1.0)
            else:
                one.overloaded(sent_s=number - 1.0, now_s=float(number))
    assert 1 <= pace.limit <= CEILING
    assert fixed.limit == limit


@given(
    st.floats(1, 10_000),
    st.lists(st.tuples(st.floats(0.1, 500), st.floats(0, 5)), min_size=2, max_size=80),
)
def test_a_bucket_never_lets_more_through_than_it_says(per_minute: float, wanted: list[tuple[float, float]]) -> None:
    bucket, now_s, taken = Bucket(per_minute), 50.0, list[tuple[float, float]]()
    for amount, idle_s in wanted:
        now_s += idle_s
        now_s += bucket.wait_s(amount, now_s=now_s)
        assert bucket.wait_s(amount, now_s=now_s) < 1e-6
        bucket.take(amount)
        taken.append((now_s, amount))
    burst = max(1.0, per_minute / 60)
    for first in range(len(taken)):
        for last in range(first + 1, len(taken)):
            elapsed_s = taken[last][0] - taken[first][0]
            between = sum(amount for _, amount in taken[first:last])  # the last one may be larger than the bucket
            assert between <= burst + elapsed_s * per_minute / 60 + max(amount for _, amount in taken) + 1e-6


def test_a_bucket_is_smooth() -> None:
    bucket, now_s, times = Bucket(120), 0.0, []
    for _ in range(6):
        now_s += bucket.wait_s(1.0, now_s=now_s)
        bucket.take(1.0)
        times.append(now_s)
    assert times == pytest.approx([0.0, 0.0, 0.5, 1.0, 1.5, 2.0])


def test_what_was_guessed_too_high_comes_back() -> None:
    bucket = Bucket(6000)
    bucket.wait_s(0, now_s=0.0)
    bucket.take(1000.0)
    assert bucket.wait_s(100, now_s=0.0) == pytest.approx(10.0)
    bucket.take(-900.0)
    assert bucket.wait_s(100, now_s=0.0) == pytest.approx(1.0)


def test_the_breaker_counts_requests_and_not_attempts() -> None:
    breaker = Breaker()
    for _ in range(100):
        breaker.failed("always the same")
    assert not breaker.holds
    for number in range(PATIENCE - 1):
        breaker.failed(str(number))
    assert breaker.holds
    breaker.replied()
    assert not breaker.holds


def test_the_breaker_holds_as_long_as_there_are_probes_and_opens_when_they_gave_up() -> None:
    breaker = Breaker()
    for number in range(PATIENCE):
        breaker.failed(str(number))
    for number in range(PATIENCE - 1):
        breaker.ended(str(number), "down")
        assert (breaker.holds, breaker.is_open) == (True, False)
    breaker.ended(str(PATIENCE - 1))  # for another reason: the budget
    assert (breaker.holds, breaker.is_open) == (False, False)
    breaker.failed("one more")
    assert breaker.holds
    breaker.ended("one more", "still down")
    assert (breaker.holds, breaker.is_open, breaker.reason) == (False, True, "still down")
    breaker.replied()
    assert not breaker.is_open
