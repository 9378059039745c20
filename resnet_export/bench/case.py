"""`Case`: one thing to measure; `expand_cases` gives all combinations of files, runtimes, batches and so on."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal

from resnet_export.bench.inputs import Images
from resnet_export.bench.scenarios import Scenario
from resnet_export.bench.scenarios.single import Single
from resnet_export.data import as_plain
from resnet_export.errors import ModelError, UsageError
from resnet_export.files import sha256
from resnet_export.graph import cost
from resnet_export.runtimes import RuntimeSpec, parse_runtime

IO = Literal["host", "device"]
"""`host`: NumPy in, NumPy out; `device`: inputs and outputs stay in the device's memory."""
RUNTIMES = ("ort:cpu",)
"""Where none is named."""
SINGLE = Single()
FALLBACK_SIZE = 224
"""Pixels a side, for a file that takes any size and does not say which it was trained with."""


@dataclass(frozen=True)
class Model:
    """A file to measure."""

    path: str
    sha256: str
    size: int
    """In bytes."""
    images: Images
    batch: int | None
    """The only batch that it takes; None for any."""
    cost: cost.Cost | None = None
    """What one image costs; None where a shape is unknown."""


@dataclass(frozen=True)
class Case:
    """One thing to measure."""

    model: Model
    runtime: str
    """With its options, such as `ort:cpu` or `openvino,precision=bfloat16`."""
    batch: int
    threads: int | None
    """Threads of a run; None for what affinity and cgroup allow."""
    io: IO = "host"
    scenario: Scenario = SINGLE
    allow_fallback: bool = False
    """Whether nodes may run elsewhere than asked for."""

    @cached_property
    def spec(self) -> RuntimeSpec:
        """The runtime, parsed."""
        return parse_runtime(self.runtime)

    @property
    def key(self) -> str:
        """A digest of all fields: what a journal knows the case by."""
        return digest(self)

    @property
    def label(self) -> str:
        """For progress: `resnet18.onnx in ort:cpu, batch 1`."""
        parts = [f"{Path(self.model.path).name} in {self.runtime}"]
        parts += [] if self.scenario.has_own_batches else [f"batch {self.batch}"]
        parts += [] if self.threads is None else [f"threads {self.threads}"]
        parts += [] if self.io == "host" else ["device to device"]
        parts += [] if self.scenario == SINGLE else [self.scenario.label]
        return ", ".join(parts)


def expand_cases(
    paths: Sequence[str | os.PathLike[str]],
    runtimes: Sequence[str] | None = None,
    batches: Sequence[int] | None = None,
    threads: Sequence[int | None] = (None,),
    *,
    ios: Sequence[IO] = ("host",),
    scenarios: Sequence[Scenario] = (SINGLE,),
    allow_fallback: bool = False,
) -> tuple[Case, ...]:
    """All combinations, each once, in the order in which they were given.

    The arguments are those of `bench.bench`. The scenario `offline` chooses from `batches`, or finds its own.

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
    check = partial(_check_runtime, threads=threads, probe=not allow_fallback)
    for text in runtimes or ():
        check(parse_runtime(text))
    pairs = [pair for path in paths for pair in _read(Path(path), runtimes)]
    for text in () if runtimes else dict.fromkeys(runtime for _, runtime in pairs):
        check(parse_runtime(text))
    for (model, _), batch in itertools.product(pairs, batches or ()):
        if model.batch not in (None, batch):
            raise ModelError(
                f"{model.path} takes batches of {model.batch} only, and batch {batch} was asked for.",
                hint=f"Give --batch {model.batch}, or export it with --batch dynamic.",
            )
    cases = (
        Case(model, runtime, batch, count, io, own, allow_fallback)
        for model, runtime in pairs
        for io, scenario in itertools.product(ios, scenarios)
        for batch, own in _batches(model, batches, scenario)
        for count in threads
    )
    return tuple(dict.fromkeys(cases))


def _read(path: Path, runtimes: Sequence[str] | None) -> Iterator[tuple[Model, str]]:
    """Each network of a file or a bundle, with each runtime that it is measured in."""
    from resnet_export.runtimes.bundle import is_bundle, parts_of, read_bundle

    if not is_bundle(path):
        yield from itertools.product([read_model(path)], runtimes or RUNTIMES)
        return
    bundle, files = read_bundle(path)
    side = bundle.preparation.crop
    images = Images(bundle.input.dtype, bundle.input.layout, bundle.input.channels, side, side)
    for name, file in files.items():
        size = sum(part.stat().st_size for part in parts_of(file))
        model = Model(str(file), sha256(file), size, images, bundle.input.batch)
        yield from itertools.product([model], bundle.runtimes(name, runtimes))


def _batches(model: Model, batches: Sequence[int] | None, scenario: Scenario) -> list[tuple[int, Scenario]]:
    """The batches of a file's cases; of a scenario that chooses its own, what it chooses from."""
    if not scenario.has_own_batches:
        return [(batch, scenario) for batch in batches or (model.batch or 1,)]
    candidates = batches or ([] if model.batch is None else [model.batch])
    return [(min(candidates, default=1), scenario.with_batches(candidates))]


def read_model(path: Path) -> Model:
    """Reads what there is to know of a file before it is run.

    Raises:
        ModelError: it can't be read, or takes no image.
    """
    from resnet_export.graph.file import read, size_of
    from resnet_export.graph.foreign import image_input
    from resnet_export.graph.metadata import Metadata

    model = read(path)
    taken = image_input(model, path)
    try:
        size = Metadata.from_props(model.metadata_props).preprocessing.crop
    except ModelError:  # somebody else's file
        size = FALLBACK_SIZE
    images = Images(taken.dtype, taken.layout, taken.channels, taken.height or size, taken.width or size)
    return Model(str(path), sha256(path), size_of(model, path), images, taken.batch, cost.count(model, images.shape(1)))


def digest(value: Any) -> str:
    """SHA-256 of a value as plain data."""
    return hashlib.sha256(json.dumps(as_plain(value), sort_keys=True).encode()).hexdigest()


def _check_runtime(spec: RuntimeSpec, threads: Sequence[int | None], *, probe: bool) -> None:
    for count in threads:
        if count is not None:
            if spec.threads is not None:
                raise UsageError(f"{spec} names its threads, and so does --threads.", hint="Leave out one of them.")
            spec.with_threads(count)
    if probe:
        spec.probe()
