"""A test double: a runtime that is as wrong, or behaves as badly, as it is told to.

    resnet-export verify net.onnx --runtime synthetic,error=0.01
    resnet-export verify net.onnx --runtime synthetic,fail=crash
    resnet-export bench net.onnx --runtime synthetic,latency_ms=5
    resnet-export bench compare --a model=net.onnx,runtime=synthetic,inside=ort:cpu --b slower=1.03

For the tests of whoever builds on the runtimes' seam. It takes part only where it is asked for by name.
"""

import math
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from resnet_export.errors import ModelError, UsageError
from resnet_export.runtimes import open_session
from resnet_export.runtimes.reference import ReferenceSession
from resnet_export.runtimes.runtime import Runtime
from resnet_export.runtimes.session import Precision

SECONDS_OF_A_HANG = 3600.0
SECONDS_TO_SPIN = 0.0005


@dataclass(frozen=True)
class SyntheticOptions:
    """How it misbehaves."""

    error: float = 0.0
    """Added to the first output, relative to its largest value."""
    fail: Literal["none", "load", "crash", "segfault", "run", "hang"] = "none"
    """Refuse the file, or die by SIGABRT or SIGSEGV, raise or never answer when it is run."""
    after: int = 0
    """Runs that go well before it dies, raises or never answers."""
    latency_ms: float = 0.0
    """The least time of a run: it sleeps until half a millisecond before, and then spins."""
    slower: float = 1.0
    """The factor by which a run lasts longer."""
    inside: Literal["reference", "ort:cpu"] = "reference"
    """What runs the file."""
    batch: int | None = None
    """The only batch that it takes."""
    precision: Literal["float32", "tf32", "bfloat16", "float16", "int8"] = "float32"
    """What it says of itself."""

    def __post_init__(self) -> None:
        if not 0 <= self.latency_ms < math.inf:
            raise UsageError(f"synthetic,latency_ms={self.latency_ms:g} is no duration.", hint="Give 0 or more.")
        if not 1 <= self.slower < math.inf:
            raise UsageError(f"synthetic,slower={self.slower:g} is no slow-down.", hint="Give a factor from 1.")


class SyntheticSession(ReferenceSession):
    """The reference evaluator, and what was asked for on top."""

    takes_callers = True

    def __init__(self, path: Path, options: SyntheticOptions) -> None:
        if options.fail == "load":
            raise ModelError(f"The synthetic runtime cannot load {path.name}: it was told so.")
        super().__init__(path)
        self._options, self._runs = options, 0
        self._inside = super().run if options.inside == "reference" else open_session(options.inside, path).run
        self.batches = None if options.batch is None else (options.batch,)
        self.precision: Precision = options.precision

    def run(self, images: NDArray[Any]) -> NDArray[Any]:
        """The file's first output, off by the error."""
        begin = time.perf_counter()
        self._runs += 1
        match self._options.fail if self._runs > self._options.after else "none":
            case "crash":
                os.abort()
            case "segfault":
                os.kill(os.getpid(), signal.SIGSEGV)
            case "run":
                raise RuntimeError("it was told so")
            case "hang":
                time.sleep(SECONDS_OF_A_HANG)
        output = self._inside(images)
        wrong = np.zeros_like(output)
        wrong.flat[0] = self._options.error * np.abs(output).max()
        lasts = max(self._options.latency_ms / 1e3, time.perf_counter() - begin)
        _wait_until(begin + lasts * self._options.slower)
        return np.asarray(output + wrong)


def _wait_until(end: float) -> None:
    """Returns at that time of `perf_counter`, and not the while later that a sleep takes to end."""
    rest = end - time.perf_counter() - SECONDS_TO_SPIN
    if rest > 0:
        time.sleep(rest)
    while time.perf_counter() < end:
        pass


RUNTIME = Runtime(SyntheticOptions, lambda: "a test double", SyntheticSession)
