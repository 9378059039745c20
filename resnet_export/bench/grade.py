"""How far a result can be trusted: a letter, the reasons for it, and what would make it better.

A: nothing is known to have disturbed it. B: it may be off by some percent. C: it is off by more, and compares with
nothing but results under the same disturbance. D: it says something about the disturbance rather than the network.

The worst of the reasons sets the letter. What the system doesn't tell is no reason.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from resnet_export.bench.sampling import Budget
from resnet_export.bench.statistics import LEAST_EFFECTIVE, Summary
from resnet_export.machine import Machine
from resnet_export.machine.noise import Noise

Letter = Literal["A", "B", "C", "D"]
DOUBTFUL: tuple[Letter, ...] = ("C", "D")
"""Grades of results that compare with nothing but results under the same disturbance."""
WORST: Letter = "D"
"""The grade at which even that may be the disturbance."""


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
    noise = noise or Noise(0.0, 0)
    found = _sorted(
        *_around(threads, noise, machine),
        *_of_the_process(summary, settled, noise, budget),
        *(_around_a_cpu(noise, machine) if on_cpu else ()),
        *(_of_a_cpu(threads, noise, machine) if on_cpu else ()),
    )
    return Grade(
        found[0].letter if found else "A",
        tuple(one.reason for one in found),
        tuple(dict.fromkeys(one.advice for one in found)),
    )


def disturbances(threads: int, noise: Noise, machine: Machine, *, on_cpu: bool = True) -> tuple[str, ...]:
    """What was wrong with the machine while several processes were measured, a sentence each; arguments as above."""
    found = _sorted(*_around(threads, noise, machine), *(_around_a_cpu(noise, machine) if on_cpu else ()))
    return tuple(one.reason for one in found)


def _sorted(*found: Finding | None) -> list[Finding]:
    """What there is, the most serious ones first."""
    return sorted(filter(None, found), key=lambda one: one.letter, reverse=True)


def _around(threads: int, noise: Noise, machine: Machine) -> Iterator[Finding | None]:
    """What the machine does."""
    cpu, others = machine.cpu, noise.others_cpus or 0.0
    pinned = f"Keep it on CPUs of its own: taskset -c {','.join(map(str, range(threads)))} resnet-export bench ..."
    # The others fit beside it, the first CPUs are certainly ours, and there is a `taskset`.
    fits = noise.cpus - threads >= others and cpu.affinity == cpu.logical_cores
    helps = fits and machine.system.kernel.startswith("Linux")
    reason = f"Other processes used {others:.2g} of the {noise.cpus} CPUs meanwhile."
    yield _step(_ratio(others, noise.cpus), OTHERS, reason, pinned if helps else QUIET)

    steal = noise.steal_share or 0.0
    reason = f"The hypervisor gave {steal:.1%} of the CPUs' time to other machines."
    yield _step(steal, STEAL, reason, "Measure on a dedicated host, or on an instance whose CPUs are not shared.")

    quota = machine.limits.cpus
    fewer = quota is not None and max(1, int(quota)) < threads
    reason = f"The cgroup's CPU quota stopped it in {noise.throttled_periods} of {noise.quota_periods} periods."
    advice = f"--threads {max(1, int(quota or 0))}" if fewer else "Raise the quota: docker run --cpus ..."
    yield _step(_ratio(noise.throttled_periods, noise.quota_periods), THROTTLED, reason, advice)

    slowed = _ratio(noise.gpu_slowed_s, noise.seconds)
    reason = f"Power or heat held the clock of a GPU down for {slowed:.1%} of the time."
    yield _step(slowed, GPU_SLOWED, reason, "Let it cool down, or lock a clock that it can keep: nvidia-smi -lgc ...")


def _around_a_cpu(noise: Noise, machine: Machine) -> Iterator[Finding | None]:
    """What the machine does, where the CPU runs the network."""
    times = noise.thermal_throttles
    if times:
        reason = f"The CPUs became too hot and slowed down, {times} time{'' if times == 1 else 's'}."
        yield Finding("C", reason, "Let the machine cool down, and give it fewer --threads or better cooling.")

    # The clock that was seen, or else the governor that may change it.
    governor, low, high = machine.cpu.clock.governor, noise.clock_low_mhz or 0.0, noise.clock_high_mhz or 0.0
    free = governor is not None and governor != BEST_GOVERNOR
    advice = f"sudo cpupower frequency-set -g {BEST_GOVERNOR}" if free else "Switch the CPU's boost off: it can't last."
    reason = f"The clock went between {low / 1e3:.2f} and {high / 1e3:.2f} GHz."
    seen = _step(_ratio(high - low, high), CLOCK, reason, advice)
    may_change = Finding("B", f"The governor {governor} may lower the clock at any time.", advice) if free else None
    yield seen or may_change


def _of_the_process(summary: Summary, settled: bool, noise: Noise, budget: Budget) -> Iterator[Finding | None]:
    """What happened to the measured process."""
    reason = f"It waited for {noise.major_faults} pages that had to be read from disk."
    rate = _ratio(noise.major_faults, noise.seconds)
    yield _step(rate, FAULTS, reason, "Give it more memory, or a smaller --batch.")

    seconds, drift = budget.seconds, summary.drift
    longer = f"--seconds {min(max(60.0, 3 * seconds), LONGEST):g}" if seconds < LONGEST else FEWER
    if drift is not None and drift.found:
        became = "slower" if drift.change > 0 else "faster"
        reason = f"It became {abs(drift.change):.1%} {became} from the first quarter of the samples to the last."
        # The trend is certain, however small it is.
        yield _step(abs(drift.change), DRIFT, reason, longer) or Finding("B", reason, longer)
    if not settled:
        yield Finding("B", "The warm-up ended with its time, and not because two windows agreed.", longer)
    if summary.effective_samples < LEAST_EFFECTIVE:
        worth = f"The {summary.samples} samples are worth {summary.effective_samples:.0f} independent ones"
        yield Finding("D", f"{worth}: too few for an interval.", longer)
    elif not summary.p99.has_interval:
        yield Finding("B", f"{summary.samples} samples are too few for an interval of p99.", longer)


def _of_a_cpu(threads: int, noise: Noise, machine: Machine) -> Iterator[Finding | None]:
    """What happened to the measured process, where the CPU runs the network."""
    usable = max(1.0, machine.usable_cpus)
    reason = f"It ran {threads} threads on {usable:g} CPU{'' if usable == 1 else 's'}."
    yield _step(threads / usable, OVERSUBSCRIBED, reason, f"--threads {int(usable)}")
    rate = _ratio(noise.involuntary_per_s, threads)
    yield _step(rate, PREEMPTED, f"Each of its threads was preempted {rate:.0f} times a second.", QUIET)


def _ratio(part: float | None, whole: float | None) -> float:
    """0, which is no reason, where either isn't told."""
    return part / whole if part and whole else 0.0


def _step(value: float, steps: Steps, reason: str, advice: str) -> Finding | None:
    """The reason, with the letter that the value deserves; None where it is no reason."""
    if value <= steps.b:
        return None
    return Finding("D" if value > steps.d else "C" if value > steps.c else "B", reason, advice)
