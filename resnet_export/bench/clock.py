"""The clock as a parameter: the real one here; tests drive others."""

import time

SPIN_NS = 500_000
"""Before a wake-up that it waits for actively: Linux wakes a sleeper some 50 to 100 microseconds late, and later under
load. An open loop sends from the same thread that runs the network, which idles meanwhile anyway."""


class Clock:
    """Tells the time, and waits."""

    def now_ns(self) -> int:
        """Nanoseconds since some fixed moment, never less than before."""
        return time.perf_counter_ns()

    def sleep_until(self, moment_ns: int) -> None:
        """Returns at that moment, or at once where it is past: sleeps for the most of it, and spins for the rest."""
        self.rest(moment_ns - time.perf_counter_ns() - SPIN_NS)
        while time.perf_counter_ns() < moment_ns:
            pass

    def rest(self, duration_ns: int) -> None:
        """Lets time pass and leaves the processor to others, waking up when the system happens to do it."""
        if duration_ns > 0:
            time.sleep(duration_ns / 1e9)
