"""What can be asked of a quantisation."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from resnet_export.errors import UsageError
from resnet_export.graph.recipe import REDUCED, Reduced
from resnet_export.progress import Progress
from resnet_export.quantization.presets import THIS_MACHINE
from resnet_export.quantization.ranges import AUTO, METHODS

Paths = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]
WITHOUT_PICTURES = (
    "Give pictures such as the network will see with --calibrate: a folder, a pattern, or an .npz. "
    "A few hundred are enough, and they need no labels."
)


@dataclass(frozen=True)
class QuantizeOptions:
    """What is asked for.

    Raises:
        UsageError: two of them contradict each other, or one has an invalid value.
    """

    source: Any
    """An `.onnx` file, or whatever else `export` takes."""
    output: str | os.PathLike[str]
    """The file that is made."""
    calibrate: Paths | None = None
    """Pictures that the ranges come from: folders, files, patterns, or one data set."""
    calibrate_random: bool = False
    """Takes random numbers for pictures. The file is marked."""
    labelled: str | os.PathLike[str] | None = None
    """Labelled pictures, as `evaluate` takes them."""
    max_drop: float | None = None
    """How much less accurate than float32 it may be on these, as a share of 1."""
    precision: Reduced = "int8"
    io: Literal["float32", "float16"] = "float32"
    """Type of the input and the output of a file in float16."""
    target: str = THIS_MACHINE
    """What the file is for: a name in `PRESETS`, or `this-machine`."""
    samples: int = 256
    """Pictures that the ranges come from."""
    seed: int = 0
    """Chooses them."""
    ranges: str = AUTO
    """A name in `METHODS`, or `auto`."""
    keep_float: Sequence[str] = ()
    """Layers that stay in float32."""
    recipe: str | os.PathLike[str] | None = None
    """A file that was quantised, or the JSON of its recipe: everything is done as it was for that one."""
    keep: bool = False
    """Writes the file also where it is refused. The file is marked."""
    seconds: float = 20.0
    """Time of each comparison of latencies."""
    force: bool = False
    """Replaces an existing file."""
    progress: Progress | None = None

    def __post_init__(self) -> None:
        for name, value, known in (
            ("precision", self.precision, REDUCED),
            ("io", self.io, ("float32", "float16")),
            ("ranges", self.ranges, (AUTO, *METHODS)),
        ):
            if value not in known:
                raise UsageError(f"There is no {name} {value!r}.", hint=f"Choose one of {', '.join(known)}.")
        if self.calibrate is not None and self.calibrate_random:
            raise UsageError(
                "Pictures and random numbers were asked for together.", hint="Leave --calibrate-random out."
            )
        if self.max_drop is not None and not 0 <= self.max_drop <= 1:
            raise UsageError(f"max_drop is {self.max_drop:g}.", hint="Give a share from 0 to 1.")
        if self.max_drop is not None and self.labelled is None:
            raise UsageError(
                "--max-drop is about labelled pictures, and there are none.", hint="Give them with --labelled DATA."
            )
        if self.precision == "int8":
            if self.io != "float32":
                raise UsageError("--io is for files in float16.", hint="Give --precision fp16, or leave --io out.")
            if self.calibrate is None and not self.calibrate_random:
                raise UsageError("The ranges of int8 come from pictures, and there are none.", hint=WITHOUT_PICTURES)
            return
        for name, given in (
            ("--for", self.target != THIS_MACHINE),
            ("--ranges", self.ranges != AUTO),
            ("--keep-float", bool(self.keep_float)),
            ("--recipe", self.recipe is not None),
        ):
            if given:
                raise UsageError(f"{name} is for files in int8.", hint=f"Leave {name} out, or --precision.")
