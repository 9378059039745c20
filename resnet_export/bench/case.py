"""`Case`: one thing to measure; `make_plan` gives all combinations of models, runtimes, batches and so on."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from resnet_export.bench.inputs import Images
from resnet_export.bench.scenario import Scenario
from resnet_export.errors import ModelError, UsageError
from resnet_export.files import sha256
from resnet_export.runtimes import choose

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

Boundary = Literal["host", "device"]
SINGLE = Scenario()
FALLBACK_SIZE = 224
"""Pixels a side, for a file that takes any size and doesn't say which it was trained with."""


@dataclass(frozen=True)
class Model:
    """A file to measure."""

    path: str
    """As it was given."""
    sha256: str
    size: int
    """In bytes."""
    images: Images
    """What it takes."""
    batch: int | None
    """The only batch that it takes; None for any."""


@dataclass(frozen=True)
class Case:
    """One thing to measure."""

    model: Model
    runtime: str
    """With its options, as it was asked for."""
    batch: int
    """Images in a run."""
    threads: int | None
    """Of a run; None for what affinity and cgroup allow."""
    boundary: Boundary = "host"
    """From where to where: `host` is NumPy in, NumPy out; `device` begins and ends in the device's memory."""
    scenario: Scenario = SINGLE
    """In which pattern it is called."""
    allow_fallback: bool = False
    """Whether nodes may run elsewhere than asked for."""

    @property
    def key(self) -> str:
        """A digest of all fields: what a journal knows the case by."""
        return digest(self.as_dict())

    @property
    def label(self) -> str:
        """For progress: `resnet18.onnx in ort:cpu, batch 1`."""
        return ", ".join(
            (
                f"{Path(self.model.path).name} in {self.runtime}",
                *([] if self.scenario.name == "offline" else [f"batch {self.batch}"]),
                *([] if self.threads is None else [f"threads {self.threads}"]),
                *([] if self.boundary == "host" else ["device to device"]),
                *([] if self.scenario.name == "single" else [self.scenario.label]),
            )
        )

    def as_dict(self) -> dict[str, Any]:
        """The fields as plain data."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Case:
        """The inverse of `as_dict`."""
        model = dict(fields["model"])
        images = Images(**model["images"])
        scenario = Scenario.from_dict(fields["scenario"])
        return cls(**{**fields, "model": Model(**{**model, "images": images}), "scenario": scenario})


def make_plan(
    paths: Sequence[str | os.PathLike[str]],
    runtimes: Sequence[str],
    batches: Sequence[int] | None = None,
    threads: Sequence[int | None] = (None,),
    *,
    boundaries: Sequence[Boundary] = ("host",),
    scenarios: Sequence[Scenario] = (SINGLE,),
    allow_fallback: bool = False,
) -> tuple[Case, ...]:
    """All combinations, each once, in the order in which they were given.

    Args:
        paths: of `.onnx` files.
        runtimes: such as `ort:cpu` or `openvino,precision=bfloat16`.
        batches: images in a run; those that the scenario `offline` chooses from. None for 1, or the only one that a
            file takes; `offline` then finds its own.
        threads: of a run; None for what affinity and cgroup allow.
        boundaries: from where to where.
        scenarios: the patterns of calls.
        allow_fallback: go on where nodes do not run on the provider that was asked for.

    Raises:
        UsageError: a number is below 1, there is no such runtime or option, or it has no choice of threads.
        ModelError: a file can't be read, or takes no image, or not so many at once.
        MissingDependencyError: a runtime is not installed.
        UnavailableError: a runtime lacks a library, driver or device.
    """
    for name, numbers in (("batch", batches or ()), ("threads", [count for count in threads if count is not None])):
        for number in numbers:
            if number < 1:
                raise UsageError(f"{name} {number} is below 1.", hint="Give whole numbers from 1.")
    for text in runtimes:
        _check_runtime(text, threads, allow_fallback=allow_fallback)
    models = [read_model(Path(path)) for path in paths]
    for model, batch in itertools.product(models, batches or ()):
        if model.batch not in (None, batch):
            raise ModelError(
                f"{model.path} takes batches of {model.batch} only, and batch {batch} was asked for.",
                hint=f"Give --batch {model.batch}, or export it with --batch dynamic.",
            )
    cases = (
        Case(model, runtime, batch, count, boundary, own, allow_fallback)
        for model, runtime in itertools.product(models, runtimes)
        for boundary, scenario in itertools.product(boundaries, scenarios)
        for batch, own in _batches(model, batches, scenario)
        for count in threads
    )
    return tuple(dict.fromkeys(cases))


def _batches(model: Model, batches: Sequence[int] | None, scenario: Scenario) -> list[tuple[int, Scenario]]:
    """The batches of a file's cases, and what `offline` makes of them."""
    if scenario.name != "offline":
        return [(batch, scenario) for batch in batches or (model.batch or 1,)]
    candidates = tuple(sorted(set(batches or ([] if model.batch is None else [model.batch]))))
    return [(candidates[0] if candidates else 1, dataclasses.replace(scenario, batches=candidates))]


def read_model(path: Path) -> Model:
    """What there is to know of a file before it is run.

    Raises:
        ModelError: it can't be read, or takes no image.
    """
    from resnet_export.graph.file import read
    from resnet_export.graph.foreign import image_input
    from resnet_export.graph.metadata import Metadata

    model = read(path)
    taken = image_input(model, path)
    try:
        size = Metadata.from_props(model.metadata_props).preprocessing.crop
    except ModelError:  # somebody else's file
        size = FALLBACK_SIZE
    images = Images(taken.dtype, taken.layout, taken.channels, taken.height or size, taken.width or size)
    return Model(str(path), sha256(path), path.stat().st_size, images, taken.batch)


def digest(plain: Any) -> str:
    """SHA-256 of plain data."""
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


def _check_runtime(text: str, threads: Sequence[int | None], *, allow_fallback: bool) -> None:
    choice = choose(text, allow_fallback=allow_fallback)
    if any(count is not None for count in threads):
        if not hasattr(choice.options, "threads"):
            raise UsageError(f"{choice.name} has no choice of threads.", hint=f"Leave out --threads with {text}.")
        if choice.options.threads is not None:
            raise UsageError(f"{text} names its threads, and so does --threads.", hint="Leave out one of them.")
    if not allow_fallback:
        choice.probe()
