"""How far a result can be trusted: a letter, the reasons for it, and what would make it better.

A: nothing is known to have disturbed it. B: it may be off by some percent. C: it is off by more, and compares with
nothing but results under the same disturbance. D: it says something about the disturbance rather than the network.

The worst of the reasons sets the letter. What the system doesn't tell is no reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from resnet_export.bench.statistics import LEAST_EFFECTIVE

if TYPE_CHECKING:
    from resnet_export.bench.sampling import Budget
    from resnet_export.bench.statistics import Summary
    from resnet_export.machine import Machine
    from resnet_export.machine.noise import Noise

Letter = Literal["A", "B", "C", "D"]


class Steps(NamedTuple):
    """The least numbers that are a reason for each letter."""

    b: float
    c: float
    d: float = float("inf")


OTHERS = Steps(0.02, 0.10, 0.30)
"""Share of the CPUs that others used: so often, at random, a thread meets another on its CPU, and all threads wait for
the slowest. Less than 2 % is what an idle system does for itself."""
STEAL = Steps(0.005, 0.02, 0.10)
"""Share of the time that the hypervisor took. It comes in slices of milliseconds, so that few percent make the p99."""
THROTTLED = Steps(0.0, 0.02, 0.20)
"""Share of the quota's periods (100 ms, mostly) that it ran out in: any counts, since the p99 is theirs."""
PREEMPTED = Steps(20.0, 100.0)
"""Times a second that a thread was preempted: some 3 on an idle machine, and some 125 where two share a CPU."""
OVERSUBSCRIBED = Steps(1.0, 1.0, 2.0)
"""Threads over CPUs: above 1 they wait for each other, and from twice as many on they mostly wait."""
CLOCK = Steps(0.05, 0.15)
"""Part of its highest value by which the clock fell: latency follows the clock."""
GPU_SLOWED = Steps(0.01, 0.20)
"""Share of the time in which power or heat held a GPU's clock down."""
FAULTS = Steps(1.0, 10.0, 100.0)
"""Pages a second that had to be read from disk, a millisecond or so each; in the steady state there are none."""
DRIFT = Steps(0.0, 0.02, 0.10)
"""Change from the first quarter to the last, of a drift that is significant: no steady state, whatever its size."""
BEST_GOVERNOR = "performance"
"""The one that doesn't wait for load before it raises the clock."""
QUIET = "Stop the other programs, or measure on a machine that has nothing else to do."
LONGEST = 600.0
"""Seconds up to which measuring longer is advised: MLPerf Inference runs for as long."""
FEWER = "Measure fewer cases in one run, so that each has more of its time."


@dataclass(frozen=True)
class Grade:
    """How far a result can be trusted."""

    letter: Letter
    reasons: tuple[str, ...]
    """Why it is no A, a sentence each; the most serious ones first."""
    advice: tuple[str, ...]
    """What would improve it, a sentence each; one that begins with `--` is an option for the same command."""


@dataclass(frozen=True)
class Surroundings:
    """Where it was measured."""

    threads: int
    """Threads of a run."""
    noise: Noise | None
    """What happened while it was measured; None where nobody watched."""
    machine: Machine


@dataclass(frozen=True)
class Circumstances(Surroundings):
    """What a grade rests on."""

    summary: Summary
    """The samples that stand for the case."""
    settled: bool
    """Whether the warm-up ended because two windows agreed."""
    budget: Budget
    """The budget of the whole run."""

    @property
    def longer(self) -> str:
        """How to get more samples."""
        seconds = self.budget.seconds
        return f"--seconds {min(max(60.0, 3 * seconds), LONGEST):g}" if seconds < LONGEST else FEWER


class Finding(NamedTuple):
    """One reason."""

    letter: Letter
    reason: str
    advice: str


def grade(
    summary: Summary,
    settled: bool,
    threads: int,
    noise: Noise | None,
    machine: Machine,
    budget: Budget,
    *,
    on_cpu: bool = True,
) -> Grade:
    """Grades a result.

    Args:
        summary: what the samples say that stand for the case.
        settled: whether the warm-up ended because two windows agreed.
        threads: threads of a run.
        noise: what happened while it was measured; None where nobody watched.
        machine: the machine that it was measured on.
        budget: the budget of the whole run.
        on_cpu: whether the CPU ran the network; else its threads and its clock matter little.
    """
    rules = AROUND + OF_THE_PROCESS + (AROUND_A_CPU + OF_A_CPU if on_cpu else ())
    case = Circumstances(threads, noise, machine, summary, settled, budget)
    found = _sorted(rule(case) for rule in rules)
    return Grade(
        found[0].letter if found else "A",
        tuple(one.reason for one in found),
        tuple(dict.fromkeys(one.advice for one in found)),
    )


def disturbances(threads: int, noise: Noise, machine: Machine, *, on_cpu: bool = True) -> tuple[str, ...]:
    """What was wrong with the machine while several processes were measured, a sentence each.

    Args:
        threads: threads of a run.
        noise: what happened during it.
        machine: the machine that they ran on.
        on_cpu: whether the CPU ran a network.
    """
    around = Surroundings(threads, noise, machine)
    rules = AROUND + (AROUND_A_CPU if on_cpu else ())
    return tuple(one.reason for one in _sorted(rule(around) for rule in rules))


def _sorted(found: Iterable[Finding | None]) -> list[Finding]:
    """What there is, the most serious ones first."""
    return sorted(filter(None, found), key=lambda one: one.letter, reverse=True)


def _others(case: Surroundings) -> Finding | None:
    noise = case.noise
    if noise is None or noise.others_cpus is None:
        return None
    cpu, free = case.machine.cpu, noise.cpus - case.threads
    pinned = f"Keep it on CPUs of its own: taskset -c {','.join(map(str, range(case.threads)))} resnet-export bench ..."
    # The others fit beside it, the first CPUs are certainly ours, and there is a `taskset`.
    fits = free >= noise.others_cpus and cpu.affinity == cpu.logical_cores
    helps = fits and case.machine.system.kernel.startswith("Linux")
    return _step(
        noise.others_cpus / noise.cpus,
        OTHERS,
        f"Other processes used {noise.others_cpus:.2g} of the {noise.cpus} CPUs meanwhile.",
        pinned if helps else QUIET,
    )


def _steal(case: Surroundings) -> Finding | None:
    share = None if case.noise is None else case.noise.steal_share
    reason = f"The hypervisor gave {share or 0:.1%} of the CPUs' time to other machines."
    return _step(share, STEAL, reason, "Measure on a dedicated host, or on an instance whose CPUs are not shared.")


def _throttled(case: Surroundings) -> Finding | None:
    noise = case.noise
    if noise is None or not noise.quota_periods or noise.throttled_periods is None:
        return None
    quota = case.machine.limits.cpus
    fewer = None if quota is None else max(1, int(quota))
    return _step(
        noise.throttled_periods / noise.quota_periods,
        THROTTLED,
        f"The cgroup's CPU quota stopped it in {noise.throttled_periods} of {noise.quota_periods} periods.",
        f"--threads {fewer}"
        if fewer is not None and fewer < case.threads
        else "Raise the quota: docker run --cpus ...",
    )


def _oversubscribed(case: Circumstances) -> Finding | None:
    usable = max(1.0, case.machine.usable_cpus)
    reason = f"It ran {case.threads} threads on {usable:g} CPU{'' if usable == 1 else 's'}."
    return _step(case.threads / usable, OVERSUBSCRIBED, reason, f"--threads {int(usable)}")


def _preempted(case: Circumstances) -> Finding | None:
    if case.noise is None or case.noise.involuntary_per_s is None:
        return None
    rate = case.noise.involuntary_per_s / case.threads
    return _step(rate, PREEMPTED, f"Each of its threads was preempted {rate:.0f} times a second.", QUIET)


def _heat(case: Surroundings) -> Finding | None:
    times = None if case.noise is None else case.noise.thermal_throttles
    if not times:
        return None
    reason = f"The CPUs became too hot and slowed down, {times} time{'' if times == 1 else 's'}."
    return Finding("C", reason, "Let the machine cool down, and give it fewer --threads or better cooling.")


def _gpu(case: Surroundings) -> Finding | None:
    slowed = None if case.noise is None else case.noise.gpu_slowed_s
    if case.noise is None or slowed is None:
        return None
    share = slowed / case.noise.seconds
    reason = f"Power or heat held the clock of a GPU down for {share:.1%} of the time."
    return _step(share, GPU_SLOWED, reason, "Let it cool down, or lock a clock that it can keep: nvidia-smi -lgc ...")


def _clock(case: Surroundings) -> Finding | None:
    """The clock that was seen, or else the governor that may change it."""
    noise, governor = case.noise, case.machine.cpu.clock.governor
    free = governor is not None and governor != BEST_GOVERNOR
    advice = f"sudo cpupower frequency-set -g {BEST_GOVERNOR}" if free else "Switch the CPU's boost off: it can't last."
    if noise is not None and noise.clock_low_mhz is not None and noise.clock_high_mhz:
        low, high = noise.clock_low_mhz, noise.clock_high_mhz
        reason = f"The clock went between {low / 1e3:.2f} and {high / 1e3:.2f} GHz."
        found = _step(1 - low / high, CLOCK, reason, advice)
        if found is not None:
            return found
    return Finding("B", f"The governor {governor} may lower the clock at any time.", advice) if free else None


def _faults(case: Circumstances) -> Finding | None:
    if case.noise is None or case.noise.major_faults is None:
        return None
    rate = case.noise.major_faults / case.noise.seconds
    reason = f"It waited for {case.noise.major_faults} pages that had to be read from disk."
    return _step(rate, FAULTS, reason, "Give it more memory, or a smaller --batch.")


def _samples(case: Circumstances) -> Finding | None:
    found = case.summary
    if found.effective_samples < LEAST_EFFECTIVE:
        worth = f"The {found.samples} samples are worth {found.effective_samples:.0f} independent ones"
        return Finding("D", f"{worth}: too few for an interval.", case.longer)
    if not found.p99.has_interval:
        return Finding("B", f"{found.samples} samples are too few for an interval of p99.", case.longer)
    return None


def _drift(case: Circumstances) -> Finding | None:
    drift = case.summary.drift
    if drift is None or not drift.found:
        return None
    became = "slower" if drift.change > 0 else "faster"
    reason = f"It became {abs(drift.change):.1%} {became} from the first quarter of the samples to the last."
    # The trend is certain, however small it is.
    return _step(abs(drift.change), DRIFT, reason, case.longer) or Finding("B", reason, case.longer)


def _unsettled(case: Circumstances) -> Finding | None:
    if case.settled:
        return None
    return Finding("B", "The warm-up ended with its time, and not because two windows agreed.", case.longer)


def _step(value: float | None, steps: Steps, reason: str, advice: str) -> Finding | None:
    """The reason, with the letter that the value deserves; None where it is no reason."""
    if value is None or value <= steps.b:
        return None
    return Finding("D" if value > steps.d else "C" if value > steps.c else "B", reason, advice)


AROUND: tuple[Callable[[Surroundings], Finding | None], ...] = (_others, _steal, _throttled, _gpu)
"""What the machine does."""
AROUND_A_CPU: tuple[Callable[[Surroundings], Finding | None], ...] = (_heat, _clock)
"""Likewise, where the CPU runs the network."""
OF_THE_PROCESS: tuple[Callable[[Circumstances], Finding | None], ...] = (_faults, _drift, _unsettled, _samples)
"""What happened to the measured process."""
OF_A_CPU: tuple[Callable[[Circumstances], Finding | None], ...] = (_oversubscribed, _preempted)
"""Likewise, where the CPU runs the network."""
