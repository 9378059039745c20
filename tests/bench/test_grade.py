from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from resnet_export.bench.grade import FEWER, QUIET, Grade, disturbances, grade
from resnet_export.bench.sampling import DEFAULT
from resnet_export.bench.statistics import Drift, summarise
from resnet_export.data import as_plain
from resnet_export.machine.cgroup import Limits
from resnet_export.machine.clock import Clock
from resnet_export.machine.noise import Noise
from tests.doctor.examples import MACHINE

if TYPE_CHECKING:
    from resnet_export.bench.sampling import Budget
    from resnet_export.bench.statistics import Summary

NOISE = Noise(
    seconds=10.0,
    cpus=8,
    own_cpus=2.0,
    others_cpus=0.1,
    steal_share=0.001,
    load_before=2.0,
    load_after=2.0,
    involuntary_per_s=6.0,
    voluntary_per_s=1000.0,
    quota_periods=100,
    throttled_periods=0,
    throttled_s=0.0,
    thermal_throttles=0,
    clock_low_mhz=2990.0,
    clock_high_mhz=3000.0,
    major_faults=2,
)
QUIET_MACHINE = dataclasses.replace(
    MACHINE,
    cpu=dataclasses.replace(MACHINE.cpu, affinity=8, clock=Clock(3000.0, 800.0, 3800.0, "performance", True)),
    limits=Limits(4.0),
)
SAMPLES = 20 * np.random.default_rng(3).lognormal(0, 0.05, 1000)
SUMMARY = summarise(SAMPLES)
LONGER = "--seconds 180"
"""What a result of the default 60 s is advised."""
PERFORMANCE = "sudo cpupower frequency-set -g performance"


def graded(
    noise: dict[str, Any] | None = None,
    *,
    summary: Summary = SUMMARY,
    settled: bool = True,
    threads: int = 2,
    budget: Budget = DEFAULT,
    on_cpu: bool = True,
    **machine: Any,
) -> Grade:
    watched = dataclasses.replace(NOISE, **noise or {})
    here = dataclasses.replace(QUIET_MACHINE, **machine)
    return grade(summary, settled, threads, watched, here, budget, on_cpu=on_cpu)


def test_nothing_disturbed_it() -> None:
    assert graded() == Grade("A", (), ())


@pytest.mark.parametrize(
    ("noise", "letter", "reason", "advice"),
    [
        ({"others_cpus": 0.8}, "B", "Other processes used 0.8 of the 8 CPUs meanwhile.",
         "Keep it on CPUs of its own: taskset -c 0,1 resnet-export bench ..."),
        ({"others_cpus": 0.9}, "C", "Other processes used 0.9 of the 8 CPUs meanwhile.", None),
        ({"others_cpus": 3.21}, "D", "Other processes used 3.2 of the 8 CPUs meanwhile.", None),
        ({"others_cpus": 0.8, "cpus": 2}, "D", "Other processes used 0.8 of the 2 CPUs meanwhile.", QUIET),
        ({"steal_share": 0.006}, "B", "The hypervisor gave 0.6% of the CPUs' time to other machines.",
         "Measure on a dedicated host, or on an instance whose CPUs are not shared."),
        ({"steal_share": 0.03}, "C", None, None),
        ({"steal_share": 0.2}, "D", None, None),
        ({"throttled_periods": 1}, "B", "The cgroup's CPU quota stopped it in 1 of 100 periods.",
         "Raise the quota: docker run --cpus ..."),
        ({"throttled_periods": 10}, "C", None, None),
        ({"throttled_periods": 50}, "D", None, None),
        ({"involuntary_per_s": 60.0}, "B", "Each of its threads was preempted 30 times a second.", QUIET),
        ({"involuntary_per_s": 300.0}, "C", None, None),
        ({"thermal_throttles": 1}, "C", "The CPUs became too hot and slowed down, 1 time.",
         "Let the machine cool down, and give it fewer --threads or better cooling."),
        ({"clock_low_mhz": 2700.0}, "B", "The clock went between 2.70 and 3.00 GHz.",
         "Switch the CPU's boost off: it can't last."),
        ({"clock_low_mhz": 1500.0}, "C", None, None),
        ({"major_faults": 20}, "B", "It waited for 20 pages that had to be read from disk.",
         "Give it more memory, or a smaller --batch."),
        ({"major_faults": 200}, "C", None, None),
        ({"major_faults": 2000}, "D", None, None),
    ],
)  # fmt: skip
def test_each_disturbance(noise: dict[str, Any], letter: str, reason: str | None, advice: str | None) -> None:
    found = graded(noise)
    assert (found.letter, len(found.reasons), len(found.advice)) == (letter, 1, 1)
    assert found.reasons[0] == (reason or found.reasons[0])
    assert found.advice[0] == (advice or found.advice[0])


@pytest.mark.parametrize(
    ("threads", "quota", "letter", "reason"),
    [
        (4, 4.0, "A", None),
        (5, 4.0, "C", "It ran 5 threads on 4 CPUs."),
        (9, 4.0, "D", "It ran 9 threads on 4 CPUs."),
        (2, 1.5, "C", "It ran 2 threads on 1.5 CPUs."),
        (1, 0.5, "A", None),  # there is no less
        (2, 1.0, "C", "It ran 2 threads on 1 CPU."),
    ],
)
def test_more_threads_than_cpus(threads: int, quota: float, letter: str, reason: str | None) -> None:
    found = graded(threads=threads, limits=Limits(quota))
    assert (found.letter, found.reasons) == (letter, (reason,) if reason else ())
    assert found.advice == ((f"--threads {int(quota)}",) if reason else ())


def test_a_quota_that_fewer_threads_would_keep() -> None:
    found = graded({"throttled_periods": 50}, threads=4, limits=Limits(1.5))
    assert found.letter == "D"
    assert found.advice == ("--threads 1",), "said once, for both reasons"


def test_a_governor_that_may_lower_the_clock() -> None:
    cpu = dataclasses.replace(QUIET_MACHINE.cpu, clock=Clock(governor="powersave"))
    reason = "The governor powersave may lower the clock at any time."
    assert graded(cpu=cpu) == Grade("B", (reason,), (PERFORMANCE,))
    seen = graded({"clock_low_mhz": 1000.0}, cpu=cpu)
    assert seen == Grade("C", ("The clock went between 1.00 and 3.00 GHz.",), (PERFORMANCE,))


def test_too_few_samples() -> None:
    few = summarise(SAMPLES[:100])
    reason = "100 samples are too few for an interval of p99."
    assert graded(summary=few) == Grade("B", (reason,), (LONGER,))
    reason = "The 7 samples are worth 7 independent ones: too few for an interval."
    assert graded(summary=summarise(SAMPLES[:7])) == Grade("D", (reason,), (LONGER,))


@pytest.mark.parametrize(
    ("change", "letter", "reason"),
    [
        (0.0, "B", "It became 0.0% faster from"),
        (-0.01, "B", "It became 1.0% faster from"),
        (0.032, "C", "It became 3.2% slower from"),
        (0.5, "D", "It became 50.0% slower from"),
    ],
)
def test_a_drift(change: float, letter: str, reason: str) -> None:
    drifting = dataclasses.replace(SUMMARY, drift=Drift(0.001, change, found=True))
    found = graded(summary=drifting)
    assert (found.letter, found.advice) == (letter, (LONGER,))
    assert found.reasons[0].startswith(reason)
    assert graded(summary=dataclasses.replace(SUMMARY, drift=Drift(0.2, change, found=False))).letter == "A"


def test_a_warm_up_that_did_not_settle() -> None:
    reason = "The warm-up ended with its time, and not because two windows agreed."
    assert graded(settled=False) == Grade("B", (reason,), (LONGER,))


@pytest.mark.parametrize(
    ("seconds", "advice"), [(10, "--seconds 60"), (60, LONGER), (599, "--seconds 600"), (600, FEWER)]
)
def test_what_gives_more_samples_depends_on_the_budget(seconds: float, advice: str) -> None:
    budget = dataclasses.replace(DEFAULT, seconds=seconds)
    assert graded(settled=False, budget=budget).advice == (advice,)


def test_the_worst_reason_sets_the_letter_and_comes_first() -> None:
    found = graded({"others_cpus": 4.0, "steal_share": 0.006, "thermal_throttles": 3}, settled=False)
    assert found.letter == "D"
    starts = ("Other processes used", "The CPUs became too hot", "The hypervisor", "The warm-up")
    assert [reason.startswith(start) for reason, start in zip(found.reasons, starts, strict=True)] == [True] * 4
    assert len(found.advice) == 4


def test_what_is_not_known_is_no_reason() -> None:
    cpu = dataclasses.replace(QUIET_MACHINE.cpu, clock=Clock(), affinity=None, physical_cores=None)
    machine = dataclasses.replace(QUIET_MACHINE, cpu=cpu)
    for noise in (None, Noise(10.0, 8)):
        assert grade(SUMMARY, True, 2, noise, machine, DEFAULT) == Grade("A", (), ())


def test_what_the_cpu_does_beside_a_gpu() -> None:
    found = graded({"clock_low_mhz": 1000.0, "involuntary_per_s": 900.0}, threads=64, on_cpu=False)
    assert found == Grade("A", (), ())
    assert graded({"steal_share": 0.2}, on_cpu=False).letter == "D"


@pytest.mark.parametrize("changes", [{"affinity": 2}, {"affinity": None}])
def test_no_taskset_where_the_numbers_of_the_cpus_are_not_known(changes: dict[str, Any]) -> None:
    cpu = dataclasses.replace(QUIET_MACHINE.cpu, **changes)
    assert graded({"others_cpus": 0.8}, cpu=cpu, limits=Limits()).advice == (QUIET,)


def test_no_taskset_where_the_others_leave_no_cpu_free() -> None:
    assert graded({"others_cpus": 6.0}).advice == (
        "Keep it on CPUs of its own: taskset -c 0,1 resnet-export bench ...",
    )
    assert graded({"others_cpus": 6.1}).advice == (QUIET,)


@pytest.mark.parametrize(("seconds", "letter"), [(0.1, "A"), (0.2, "B"), (2.5, "C")])
def test_a_gpu_whose_clock_was_held_down(seconds: float, letter: str) -> None:
    found = graded({"gpu_slowed_s": seconds}, on_cpu=False)
    assert found.letter == letter
    told = f"Power or heat held the clock of a GPU down for {seconds / 10:.1%} of the time."
    assert found.reasons == (() if letter == "A" else (told,))


def test_no_taskset_on_windows() -> None:
    system = dataclasses.replace(QUIET_MACHINE.system, kernel="Windows 11")
    assert graded({"others_cpus": 0.8}, system=system).advice == (QUIET,)


def test_what_disturbed_several_processes() -> None:
    """Without what only the samples of one process tell."""
    noise = dataclasses.replace(NOISE, others_cpus=4.0, steal_share=0.006, major_faults=9000, clock_low_mhz=2000.0)
    assert disturbances(2, noise, QUIET_MACHINE) == (
        "Other processes used 4 of the 8 CPUs meanwhile.",
        "The clock went between 2.00 and 3.00 GHz.",
        "The hypervisor gave 0.6% of the CPUs' time to other machines.",
    )
    assert len(disturbances(2, noise, QUIET_MACHINE, on_cpu=False)) == 2
    assert disturbances(2, NOISE, QUIET_MACHINE) == ()


def test_is_plain_data() -> None:
    assert as_plain(graded(settled=False)).keys() == {"letter", "reasons", "advice"}
