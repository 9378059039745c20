"""`Side`: what stands on one side of a comparison, read from text.

    model=a.onnx,runtime=ort:cpu,threads=2,batch=1,python=old/bin/python,optimization=basic

Keys that are not in `Keys` are options of the runtime. What B leaves out is A's.
"""

from __future__ import annotations

import dataclasses
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec

from resnet_export import __version__
from resnet_export.bench.case import IO, RUNTIMES, Case, expand_cases
from resnet_export.errors import MissingDependencyError, UsageError, did_you_mean
from resnet_export.runtimes import find, parse_runtime
from resnet_export.runtimes.options import read_pairs
from resnet_export.workers.client import ELSEWHERE

ASK = "import json, platform, resnet_export as r; print(json.dumps([r.__version__, platform.python_version()]))"
TIMEOUT_S = 60.0
WRITTEN = "Write key=value with commas between them, such as model=a.onnx,runtime=ort:cpu,threads=2."
Count = Annotated[int, msgspec.Meta(ge=1)]


class Keys(msgspec.Struct, frozen=True):
    """The keys of a side that are not options of the runtime."""

    model: str
    runtime: str = RUNTIMES[0]
    batch: Count | None = None
    threads: Count | None = None
    io: IO = "host"
    allow_fallback: bool = False
    python: str | None = None


KEYS = Keys.__struct_fields__


@dataclass(frozen=True)
class Side:
    """What stands on one side."""

    case: Case
    python: str | None = None
    """The interpreter of another environment that runs it; None for this one."""
    python_version: str = platform.python_version()


def read_sides(a: str, b: str) -> tuple[Side, Side]:
    """Reads both sides and finds out what can be found out before the measuring.

    Raises:
        UsageError: a key or value is invalid; there is no such runtime, option or interpreter.
        ModelError: a file can't be read, or takes no image, or not so many at once.
        MissingDependencyError: a runtime is not installed, or this package is not in the other environment.
        UnavailableError: a runtime lacks a library, driver or device.
    """
    first = read_pairs(a.split(","), "A", WRITTEN)
    if "model" not in first:
        raise UsageError("A names no model.", hint="Write model=FILE, such as --a model=resnet18.onnx.")
    second = _inherited(first, read_pairs(b.split(","), "B", WRITTEN))
    sides = _side(first, "A"), _side(second, "B")
    batches = [side.case.batch for side in sides]
    if batches[0] != batches[1] and not ("batch" in first and "batch" in second):
        raise UsageError(
            f"A runs {batches[0]} and B {batches[1]} images at once, so that their latencies do not compare.",
            hint=f"Write batch={max(batches)} for A, or batch= on both sides if that is meant.",
        )
    return sides


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


def _side(pairs: Mapping[str, str], name: str) -> Side:
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
    python = None if keys.python is None else _interpreter(keys.python, name)
    (case,) = expand_cases(
        [keys.model],
        [str(spec)],
        None if keys.batch is None else [keys.batch],
        [keys.threads],
        ios=[keys.io],
        allow_fallback=keys.allow_fallback,
        probe=python is None,  # whether another environment has the runtime is found out there
    )
    return Side(case) if python is None else Side(case, python, _ask_version(python))


def _interpreter(text: str, name: str) -> str | None:
    """The path of an interpreter; None for the one that runs this. A virtual environment's folder means its own."""
    folder = Path(text, "Scripts" if sys.platform == "win32" else "bin")
    found = shutil.which(folder / "python") if Path(text).is_dir() else shutil.which(text)
    if found is None:
        raise UsageError(
            f"python={text} of {name} is no interpreter that can be run.",
            hint="Give the path of another environment's python, such as python=old/bin/python.",
        )
    # Not resolved: a virtual environment's interpreter is often a link, and is known by its place.
    path = os.path.abspath(found)  # noqa: PTH100
    return None if path == os.path.abspath(sys.executable) else path  # noqa: PTH100


def _ask_version(python: str) -> str:
    """The interpreter's version, once it is known to have this package in this version."""
    install = f"{python} -m pip install resnet-export=={__version__}"
    try:
        done = subprocess.run(
            [python, "-P", "-c", ASK],
            capture_output=True,
            text=True,
            env={name: value for name, value in os.environ.items() if name not in ELSEWHERE},
            timeout=TIMEOUT_S,
            check=False,
        )
        found: list[Any] = json.loads(done.stdout) if done.returncode == 0 else []
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise UsageError(f"{python} does not answer as a Python interpreter does: {error}.") from error
    if not found:
        raise MissingDependencyError(
            f"{python} cannot import resnet-export, which measures there.", hint=f"Install it with: {install}"
        )
    version, python_version = found
    if version != __version__:
        raise MissingDependencyError(
            f"{python} has resnet-export {version}, and this is {__version__}: the two would not measure alike.",
            hint=f"Install the same with: {install}",
        )
    return str(python_version)
