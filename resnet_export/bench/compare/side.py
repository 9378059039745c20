"""What stands on one side of a comparison, read from text as a `Case`.

    model=a.onnx,runtime=ort:cpu,threads=2,batch=1,optimization=basic

Keys that are not in `Keys` are options of the runtime. What B leaves out is A's.
"""

import dataclasses
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec

from resnet_export.bench.case import IO, RUNTIMES, Case, expand_cases
from resnet_export.errors import UsageError, did_you_mean
from resnet_export.runtimes import find, parse_runtime
from resnet_export.runtimes.bundle import is_bundle, read_bundle
from resnet_export.runtimes.options import read_pairs

WRITTEN = "Write key=value with commas between them, such as model=a.onnx,runtime=ort:cpu,threads=2."
SEPARATOR = re.compile(r",(?=\s*\w+\s*=)")
"""A comma that a key follows: the name of a file may have others."""
Count = Annotated[int, msgspec.Meta(ge=1)]


class Keys(msgspec.Struct, frozen=True):
    """The keys of a side that are not options of the runtime."""

    model: str
    runtime: str = RUNTIMES[0]
    batch: Count | None = None
    threads: Count | None = None
    io: IO = "host"
    allow_fallback: bool = False


KEYS = Keys.__struct_fields__


def read_sides(a: str, b: str) -> tuple[Case, Case]:
    """Reads both sides and finds out what can be found out before the measuring.

    Raises:
        UsageError: a key or value is invalid; there is no such runtime or option.
        ModelError: a file can't be read, or takes no image, or not so many at once.
        MissingDependencyError: a runtime is not installed.
        UnavailableError: a runtime lacks a library, driver or device.
    """
    first = read_pairs(SEPARATOR.split(a), "A", WRITTEN)
    if "model" not in first:
        raise UsageError("A names no model.", hint="Write model=FILE, such as --a model=resnet18.onnx.")
    first = _with_own_runtime(first)
    second = _inherited(first, _with_own_runtime(read_pairs(SEPARATOR.split(b), "B", WRITTEN)))
    sides = _read(first, "A"), _read(second, "B")
    batches = [side.batch for side in sides]
    if batches[0] != batches[1] and not ("batch" in first and "batch" in second):
        raise UsageError(
            f"A runs {batches[0]} and B {batches[1]} images at once, so that their latencies do not compare.",
            hint=f"Write batch={max(batches)} for A, or batch= on both sides if that is meant.",
        )
    return sides


def _with_own_runtime(pairs: dict[str, str]) -> dict[str, str]:
    """A side whose model is of a bundle, with the runtime that it was made for, where it names none."""
    path = Path(pairs.get("model", ""))
    if "model" not in pairs or "runtime" in pairs or not is_bundle(path):
        return pairs
    bundle, files = read_bundle(path)
    runtime, *options = bundle.runtimes(next(iter(files)))[0].split(",")
    return read_pairs([f"runtime={runtime}", *options], "the bundle", WRITTEN) | pairs


def _inherited(a: Mapping[str, str], b: Mapping[str, str]) -> dict[str, str]:
    """B with what it leaves out. Options of a runtime, its threads too, are another's only where it has them."""
    runtime = b.get("runtime", a.get("runtime", RUNTIMES[0]))
    kept = dict(a)
    if runtime != a.get("runtime", RUNTIMES[0]):
        fits = {*KEYS} - ({"threads"} - _options(runtime))
        kept = {key: value for key, value in a.items() if key in fits}
    return {**kept, **b}


def _options(runtime: str) -> set[str]:
    return {field.name for field in dataclasses.fields(find(runtime).options)}


def _read(pairs: Mapping[str, str], name: str) -> Case:
    runtime = pairs.get("runtime", RUNTIMES[0])
    possible = [*KEYS, *sorted(_options(runtime) - {*KEYS})]
    for key in pairs:
        if key not in possible:
            hint = f"{did_you_mean(key, possible)}With {runtime} there are {', '.join(possible)}."
            raise UsageError(f"{name} has no key {key!r}.", hint=hint)
    known = {key: value.lower() if key == "allow_fallback" else value for key, value in pairs.items() if key in KEYS}
    try:
        keys = msgspec.convert(known, Keys, strict=False)
    except msgspec.ValidationError as error:
        raise UsageError(f"{name} has an invalid value: {error}.", hint=f"Its keys are {', '.join(KEYS)}.") from error
    own = "".join(f",{key}={value}" for key, value in pairs.items() if key not in KEYS)
    spec = parse_runtime(f"{keys.runtime}{own}")
    case, *others = expand_cases(
        [keys.model],
        [str(spec)],
        None if keys.batch is None else [keys.batch],
        [keys.threads],
        ios=[keys.io],
        allow_fallback=keys.allow_fallback,
    )
    if others:
        raise UsageError(f"{keys.model} holds several networks.", hint=f"Name one: model={case.model.path}.")
    return case
