"""A clock that tests drive."""

from resnet_export.bench.sampling import Clock


class SimulatedClock(Clock):
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
