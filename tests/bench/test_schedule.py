from __future__ import annotations

import dataclasses
import time

import pytest

from resnet_export.bench.scenarios import make_scenario
from resnet_export.bench.schedule import LEAST_JOB_S, PEAKS_S, PEAKS_START_S, Schedule
from tests.bench.examples import CASE

PEAKS = PEAKS_START_S + PEAKS_S
CASES = [dataclasses.replace(CASE, batch=batch) for batch in (1, 2, 4)]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """`time.monotonic`, as `clock[0]`."""
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_what_one_leaves_is_the_others(clock: list[float]) -> None:
    plan = Schedule(CASES, 30.0 + PEAKS, 100.0, referenced=False)
    assert plan.next_end() == pytest.approx(110)
    clock[0] = 104.0
    assert plan.next_end() == pytest.approx(104 + 13)
    clock[0] = 117.5
    assert plan.next_end() == pytest.approx(130)
    clock[0] = 130.0
    assert plan.seconds_for_peaks(1) == pytest.approx(PEAKS_S)


def test_the_start_of_the_program_counts(clock: list[float]) -> None:
    plan = Schedule(CASES[:1], 10.0 + PEAKS, 98.0, referenced=False)
    assert plan.next_end() == pytest.approx(108)


def test_when_the_time_is_over_each_has_its_least(clock: list[float]) -> None:
    plan = Schedule(CASES, 5.0, 50.0, referenced=False)
    assert [plan.next_end() for _ in CASES] == [100 + LEAST_JOB_S] * 3
    assert plan.seconds_for_peaks(1) == PEAKS_S


def test_turns_are_jobs_where_there_are_any() -> None:
    cases = [*CASES, dataclasses.replace(CASE, scenario=make_scenario("idle")), dataclasses.replace(CASE, threads=7)]
    plain = Schedule(cases, 60.0, 0.0, referenced=False)
    whole = Schedule(cases, 60.0, 0.0, referenced=True)
    assert plain.least_seconds == pytest.approx(5 * LEAST_JOB_S + 2 * PEAKS)
    # Four of `single` have turns.
    assert whole.least_seconds == pytest.approx((5 + 4) * LEAST_JOB_S + 2 * PEAKS)


def test_what_a_journal_has_took_its_time_before(clock: list[float]) -> None:
    plan = Schedule(CASES, 60.0, 100.0, referenced=False, finished=2)
    assert plan.next_end() == pytest.approx(120 - PEAKS)
