"""A test double: a runtime that is as wrong, or behaves as badly, as it is told to.

    resnet-export verify net.onnx --runtime synthetic,error=0.01
    resnet-export verify net.onnx --runtime synthetic,fail=crash

For the tests of whoever builds on the runtimes' seam. It takes part only where it is asked for by name.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from resnet_export.errors import ModelError
from resnet_export.runtimes.reference import ReferenceSession

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from resnet_export.runtimes.session import Precision

SECONDS_OF_A_HANG = 3600.0


@dataclass(frozen=True)
class SyntheticOptions:
    """How it misbehaves."""

    error: float = 0.0
    """Added to the first output, relative to its largest value."""
    fail: Literal["none", "load", "crash", "run", "hang"] = "none"
    """Refuse the file; or die, raise or never answer when it is run."""
    batch: int | None = None
    """The only batch that it takes."""
    precision: Literal["float32", "tf32", "bfloat16", "float16", "int8"] = "float32"
    """What it says of itself."""


class SyntheticSession(ReferenceSession):
    """The reference evaluator, and what was asked for on top."""

    def __init__(self, path: Path, options: SyntheticOptions) -> None:
        if options.fail == "load":
            raise ModelError(f"The synthetic runtime cannot load {path.name}: it was told so.")
        super().__init__(path)
        self._options = options
        self.batches = None if options.batch is None else (options.batch,)
        self.precision: Precision = options.precision

    def run(self, images: NDArray[Any]) -> NDArray[Any]:
        """The file's first output, off by the error."""
        match self._options.fail:
            case "crash":
                os.abort()
            case "run":
                raise RuntimeError("it was told so")
            case "hang":
                time.sleep(SECONDS_OF_A_HANG)
        output = super().run(images)
        wrong = np.zeros_like(output)
        wrong.flat[0] = self._options.error * np.abs(output).max()
        return np.asarray(output + wrong)


class SyntheticRuntime:
    """The test double."""

    options = SyntheticOptions

    def check(self) -> str:
        """See `Runtime.check`."""
        return "a test double"

    def open(self, path: Path, options: SyntheticOptions) -> SyntheticSession:
        """See `Runtime.open`."""
        return SyntheticSession(path, options)


RUNTIME = SyntheticRuntime()
