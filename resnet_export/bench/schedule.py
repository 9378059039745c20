"""`Schedule`: the time of a plan, from the start of the program to its end, shared among its jobs.

    share = (end - now - what the peaks need) / jobs that are left

A job is a case, or its turns with the reference network. Its share pays for the start of its process, the
imports and the first run too. What one job leaves is shared among the others, so that only the last one can be late.
"""

import time
from collections.abc import Sequence

from resnet_export.bench.case import Case

LEAST_JOB_S = 1.0
"""A process of ONNX Runtime starts in half a second; as much for the samples gives a number."""
PEAKS_START_S = 1.0
"""Start of a process that measures the peaks: its imports, and arrays that are filled before they are copied."""
PEAKS_S = 0.4
"""For the peaks themselves, at least; the fastest of many short runs counts."""
MOST_PEAKS_S = 1.5
"""Longer would find hardly more."""


class Schedule:
    """The time that is left, and what is to be done in it."""

    def __init__(
        self,
        cases: Sequence[Case],
        seconds: float,
        begun: float,
        *,
        referenced: bool,
        finished: int = 0,
    ) -> None:
        """Counts the jobs.

        Args:
            cases: what is to be measured.
            seconds: for all of it.
            begun: when that time began to run, on the clock `time.monotonic`.
            referenced: a case takes turns with the reference network, too, where it can.
            finished: how many of the cases a journal has already; their time has passed.
        """
        references = sum(case.scenario.may_have_reference for case in cases) if referenced else 0
        self._peaks = len({case.threads for case in cases})
        self.jobs = len(cases) + references
        part = 1 - finished / len(cases) if cases else 0.0
        self._jobs_left = max(1, round(self.jobs * part))
        self._end = begun + seconds * part

    @property
    def least_seconds(self) -> float:
        """The time that it takes to measure anything in every job."""
        return self.jobs * LEAST_JOB_S + self._peaks * (PEAKS_START_S + PEAKS_S)

    def next_end(self) -> float:
        """When the next job has to be over, on the clock `time.monotonic`."""
        now = time.monotonic()
        share = (self._end - self._peaks * (PEAKS_START_S + PEAKS_S) - now) / max(1, self._jobs_left)
        self._jobs_left -= 1
        return now + max(LEAST_JOB_S, share)

    def seconds_for_peaks(self, left: int) -> float:
        """For the next of so many measurements of peaks, without its start."""
        share = (self._end - time.monotonic()) / left - PEAKS_START_S
        return min(max(PEAKS_S, share), MOST_PEAKS_S)
