"""`ProfileWorker`: a case whose session is opened again with ONNX Runtime's profiler."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

from resnet_export.bench.sampling import LEAST_SAMPLES, Budget
from resnet_export.bench.worker import CaseWorker
from resnet_export.errors import ModelError

if TYPE_CHECKING:
    import onnxruntime

    from resnet_export.bench.sampling import WarmUp
    from resnet_export.runtimes.ort import OrtSession

TARGET = "resnet_export.bench.profile.worker:ProfileWorker"
GRAPH = "optimised.onnx"
"""The graph that ONNX Runtime made of the file."""
MOST_EVENTS = 50_000
"""Events of a profile at most, warm-up and all; the profiler writes about a kilobyte for each run of each node."""
WARM_UP = 5, 0.05
"""Runs with the profiler at most, and their share of the time: the process and the processor are warm by then, but the
session's memory is new."""


class Recorded(NamedTuple):
    """What the process measured."""

    samples_ns: tuple[int, ...]
    """Latencies without the profiler."""
    profiled_ns: tuple[int, ...]
    """Latencies with it."""
    trace: str


class ProfileWorker(CaseWorker):
    """See `CaseWorker`; `record` comes last."""

    def record(self, warm: WarmUp, folder: str, seconds: float) -> Recorded:
        """The latencies without the profiler, then with it; its file and the graph go into the folder."""
        end = self._clock.now_ns() + int(seconds * 1e9)
        nodes = sum(self.ran().nodes.values())
        most = max(LEAST_SAMPLES, MOST_EVENTS // max(1, nodes))
        # The profiler can't use more than its runs.
        with_profiler = min(seconds / 2, 1.2 * most * statistics.median(warm.samples_ns) / 1e9)
        plain = self._sample(Budget(seconds - with_profiler))
        recording = self._reopen(Path(folder))
        runs, share = WARM_UP
        self._sample(Budget(share * seconds, 1, runs))
        left = max(0.0, (end - self._clock.now_ns()) / 1e9)
        profiled = self._sample(Budget(left, most_samples=most))
        return Recorded(plain, profiled, recording.end_profiling())

    def _reopen(self, folder: Path) -> onnxruntime.InferenceSession:
        """Opens the file again with the profiler on; two sessions in one process would disturb each other."""
        session = cast("OrtSession", self._session)  # the parent saw to it

        def record(options: onnxruntime.SessionOptions) -> None:
            options.enable_profiling = True
            options.profile_file_prefix = str(folder / "profile")

        def record_and_save(options: onnxruntime.SessionOptions) -> None:
            record(options)
            options.optimized_model_filepath = str(folder / GRAPH)

        try:
            return session.reopen(record_and_save)
        except ModelError:  # it can't save what a provider compiled
            (folder / GRAPH).unlink(missing_ok=True)
            return session.reopen(record)
