"""The clock as a parameter: the real one, and one that tests drive."""

import time
from typing import Protocol

SPIN_NS = 500_000
"""Before a wake-up that the real clock waits for actively: Linux wakes a sleeper some 50 to 100 microseconds late, and
later under load. An open loop sends from the same thread that runs the network, which idles meanwhile anyway."""


class Clock(Protocol):
    """Tells the time, and waits."""

    def now_ns(self) -> int:
        """Nanoseconds since some fixed moment, never less than before."""
        ...

    def sleep_until(self, moment_ns: int) -> None:
        """Returns at that moment, or at once where it is past."""
        ...

    def rest(self, duration_ns: int) -> None:
        """Lets time pass and leaves the processor to others, waking up when the system happens to do it."""
        ...


class RealClock:
    """`time.perf_counter_ns`."""

    now_ns = staticmethod(time.perf_counter_ns)

    def sleep_until(self, moment_ns: int) -> None:
        """Sleeps for the most of it, and spins for the rest."""
        rest = moment_ns - time.perf_counter_ns() - SPIN_NS
        if rest > 0:
            time.sleep(rest / 1e9)
        while time.perf_counter_ns() < moment_ns:
            pass

    def rest(self, duration_ns: int) -> None:
        """Sleeps, where there is something to sleep."""
        if duration_ns > 0:
            time.sleep(duration_ns / 1e9)


class SimulatedClock:
    """Stands still, but for what is advanced or slept."""

    def __init__(self, start_ns: int = 0) -> None:
        self._now = start_ns

    def now_ns(self) -> int:
        """See `Clock.now_ns`."""
        return self._now

    def sleep_until(self, moment_ns: int) -> None:
        """Goes on to that moment."""
        self._now = max(self._now, moment_ns)

    def rest(self, duration_ns: int) -> None:
        """Lets exactly so much pass."""
        self.advance(duration_ns)

    def advance(self, duration_ns: int) -> None:
        """Lets time pass, as a run does."""
        self._now += duration_ns
