"""How often the intervals that `bench` prints hold the truth, on a clock that is simulated.

    python benchmarks/intervals.py

Each run draws latencies whose distribution is known, has the closed loop of `bench` measure them, and summarises them
as `bench` does. The logarithm of a latency is normal and independent, or follows AR(1) with a lag-1 correlation of 0.9,
or is independent with a level that rises after 60 % of the run. The truth is the median of the distribution; with a
change of level, the median of the mixture of both. The results go to benchmarks/results/intervals.json.
"""

from __future__ import annotations

import math

import numpy as np
import shared
from scipy import optimize, signal, stats

from resnet_export.bench.sampling import Budget, Clock, closed_loop
from resnet_export.bench.statistics import summarise

SAMPLES = (200, 1000, 7000)
KINDS = ("independent", "lag-1 correlation 0.9", "change of level")
MEDIAN_NS = 1e7
SPREAD = 0.03
"""Of the logarithm: a latency varies by 3 %."""
RHO = 0.9
LEVEL = 3 * SPREAD
"""By which the logarithm rises, 9 %: two levels that are clearly apart."""
BEFORE = 0.6
"""Share of the run before it rises."""
RESULTS = shared.FOLDER / "intervals.json"


def draw(kind: str, samples: int, generator: np.random.Generator) -> np.ndarray:
    """Latencies in nanoseconds, (samples,)."""
    noise = generator.standard_normal(samples)
    if kind == KINDS[1]:
        noise[1:] *= math.sqrt(1 - RHO * RHO)
        noise = signal.lfilter([1.0], [1.0, -RHO], noise)
    rise = LEVEL * (np.arange(samples) >= BEFORE * samples) if kind == KINDS[2] else 0.0
    return np.rint(MEDIAN_NS * np.exp(SPREAD * noise + rise)).astype(np.int64)


def true_median(kind: str) -> float:
    """In nanoseconds."""
    if kind != KINDS[2]:
        return MEDIAN_NS

    def below(log: float) -> float:
        return BEFORE * stats.norm.cdf(log / SPREAD) + (1 - BEFORE) * stats.norm.cdf((log - LEVEL) / SPREAD) - 0.5

    return MEDIAN_NS * math.exp(optimize.brentq(below, -1.0, 1.0))


class StoppedClock(Clock):
    """Stands still, but for what is advanced."""

    _now = 0

    def now_ns(self) -> int:
        """See `Clock.now_ns`."""
        return self._now

    def advance(self, duration_ns: int) -> None:
        """Lets time pass, as a run does."""
        self._now += duration_ns


def measure(latencies: np.ndarray) -> tuple[int, ...]:
    """What the closed loop sees of calls that take so long."""
    clock, durations = StoppedClock(), latencies.tolist()
    return closed_loop(lambda index: clock.advance(durations[index]), clock, Budget(0.0, len(durations)))


def measure_coverage(kind: str, samples: int, runs: int) -> dict[str, float | int | str]:
    """How many of the runs printed an interval of p50, how many of these hold the truth, and how wide they are."""
    truth, printed, held, widths = true_median(kind), 0, 0, []
    for seed in range(runs):
        found = summarise(measure(draw(kind, samples, np.random.default_rng(seed)))).p50
        if found.interval is not None:
            low, high = found.interval
            printed += 1
            held += low <= truth <= high
            widths.append((high - low) / found.value)
    return {
        "kind": kind,
        "samples": samples,
        "runs": runs,
        "printed": printed / runs,
        "coverage": held / max(1, printed),
        "median_width": float(np.median(widths)),
    }


def main() -> None:
    parser = shared.parser(__doc__, RESULTS)
    parser.add_argument("--runs", type=int, default=500)
    options = parser.parse_args()
    rows = [measure_coverage(kind, samples, options.runs) for kind in KINDS for samples in SAMPLES]
    print(f"{'samples':<24}{'number':>8}{'printed':>10}{'hold the truth':>16}{'width':>9}")
    for row in rows:
        print(
            f"{row['kind']:<24}{row['samples']:>8}{row['printed']:>10.1%}{row['coverage']:>16.1%}"
            f"{row['median_width']:>9.2%}"
        )
    shared.write(options.output, runs=options.runs, rows=rows)


if __name__ == "__main__":
    main()
