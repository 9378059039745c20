"""`Side`: what stands on one side of a comparison, read from text.

    model=a.onnx,runtime=ort:cpu,threads=2,batch=1,python=old/bin/python,optimization=basic

Keys that are not in `KEYS` are options of the runtime. What B leaves out is A's.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, get_args

from resnet_export import __version__
from resnet_export.bench.case import Boundary, make_plan
from resnet_export.errors import MissingDependencyError, ModelError, UsageError
from resnet_export.runtimes import choose, find
from resnet_export.runtimes.options import WORDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from resnet_export.bench.case import Case

KEYS = ("model", "runtime", "batch", "threads", "boundary", "allow_fallback", "python")
"""What is not an option of the runtime."""
RUNTIME = "ort:cpu"
"""Where none is named."""
WORKER = ("-P", "-m", "resnet_export.bench.compare.worker")
"""-P: an interpreter, another environment's too, must not find packages in the working folder."""
ELSEWHERE = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__")
"""What would lead another environment's interpreter to this one's packages."""
ASK = "import json, platform, resnet_export as r; print(json.dumps([r.__version__, platform.python_version()]))"
SECONDS_TO_ANSWER = 60.0


@dataclass(frozen=True)
class Side:
    """What stands on one side."""

    case: Case
    python: str | None = None
    """The interpreter of another environment that runs it; None for this one."""
    python_version: str = platform.python_version()
    """Of that interpreter."""

    @property
    def command(self) -> tuple[str, ...]:
        """Of the worker."""
        return (self.python or sys.executable, *WORKER)

    @property
    def environment(self) -> dict[str, str]:
        """Of the worker."""
        if self.python is None:
            return dict(os.environ)
        return {name: value for name, value in os.environ.items() if name not in ELSEWHERE}


def read_sides(a: str, b: str) -> tuple[Side, Side]:
    """Reads both sides and finds out what can be found out before the measuring.

    Raises:
        UsageError: a key or value can't be meant so, there is no such runtime, option or interpreter.
        ModelError: a file can't be read, or takes no image, or not so many at once.
        MissingDependencyError: a runtime is not installed, or this package is not in the other environment.
        UnavailableError: a runtime lacks a library, driver or device.
    """
    first = _pairs(a, "A")
    if "model" not in first:
        raise UsageError("A names no model.", hint="Write model=FILE, such as --a model=resnet18.onnx.")
    second = _inherited(first, _pairs(b, "B"))
    sides = _side(first, "A"), _side(second, "B")
    batches = [side.case.batch for side in sides]
    if batches[0] != batches[1] and not ("batch" in first and "batch" in second):
        raise UsageError(
            f"A runs {batches[0]} and B {batches[1]} images at once, so that their latencies do not compare.",
            hint=f"Write batch={max(batches)} for A, or batch= on both sides if that is meant.",
        )
    return sides


def _pairs(text: str, name: str) -> dict[str, str]:
    """Key -> value."""
    pairs: dict[str, str] = {}
    for part in text.split(","):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or not value:
            raise UsageError(
                f"{part.strip()!r} of {name} is no key with a value.",
                hint="Write key=value with commas between them, such as model=a.onnx,runtime=ort:cpu,threads=2.",
            )
        if key in pairs:
            raise UsageError(f"{name} names {key} twice.", hint="Leave out one of them.")
        pairs[key] = value
    return pairs


def _inherited(a: Mapping[str, str], b: Mapping[str, str]) -> dict[str, str]:
    """B with what it leaves out. Options of a runtime, its threads too, are another's only where it has them."""
    runtime = b.get("runtime", a.get("runtime", RUNTIME))
    kept = dict(a)
    if runtime != a.get("runtime", RUNTIME):
        fits = {*KEYS} - ({"threads"} - _options(runtime))
        kept = {key: value for key, value in a.items() if key in fits}
    return {**kept, **b}


def _side(pairs: Mapping[str, str], name: str) -> Side:
    runtime = pairs.get("runtime", RUNTIME)
    own = _options(runtime)
    known = (*KEYS, *sorted(own - {*KEYS}))
    for key in pairs:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            meant = f"Did you mean {near[0]}? " if near else ""
            raise UsageError(f"{name} has no key {key!r}.", hint=f"{meant}With {runtime} there are {', '.join(known)}.")
    if "threads" in pairs and "threads" not in own:
        raise UsageError(f"{name}: {runtime} has no choice of threads.", hint="Leave out threads= there.")
    options = "".join(f",{key}={value}" for key, value in pairs.items() if key not in KEYS)
    batch, threads = (_count(pairs, key, name) for key in ("batch", "threads"))
    fallback = _fallback(pairs, name)
    python = _interpreter(pairs["python"], name) if "python" in pairs else None
    text = f"{runtime}{options}"
    choose(text)
    # Whether another environment has the runtime is found out there; the file is what it is.
    (case,) = make_plan(
        [pairs["model"]],
        [text if python is None else "reference"],
        boundaries=[_boundary(pairs, name)],
        allow_fallback=fallback,
    )
    case = dataclasses.replace(case, runtime=text, threads=threads)
    if batch is not None:
        if case.model.batch not in (None, batch):
            raise ModelError(
                f"{case.model.path} takes batches of {case.model.batch} only, and batch {batch} was asked for.",
                hint=f"Write batch={case.model.batch}, or export it with --batch dynamic.",
            )
        case = dataclasses.replace(case, batch=batch)
    return Side(case) if python is None else Side(case, python, _probe(python))


def _options(runtime: str) -> set[str]:
    return {field.name for field in dataclasses.fields(find(runtime).options)}


def _count(pairs: Mapping[str, str], key: str, name: str) -> int | None:
    text = pairs.get(key)
    if text is None:
        return None
    if not text.isdecimal() or int(text) < 1:
        raise UsageError(f"{key}={text} of {name} is not a whole number from 1.", hint=f"Write {key}=1 or more.")
    return int(text)


def _fallback(pairs: Mapping[str, str], name: str) -> bool:
    text = pairs.get("allow_fallback", "false")
    if text.lower() not in WORDS:
        raise UsageError(f"allow_fallback={text} of {name} is not true or false.", hint="Write one of them.")
    return WORDS[text.lower()]


def _boundary(pairs: Mapping[str, str], name: str) -> Boundary:
    text = pairs.get("boundary", "host")
    for known in get_args(Boundary):
        if text == known:
            return cast("Boundary", known)
    raise UsageError(
        f"boundary={text} of {name} is none of its values.", hint=f"Choose one of {', '.join(get_args(Boundary))}."
    )


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


def _probe(python: str) -> str:
    """The interpreter's version, once it is known to have this package in this version."""
    install = f"{python} -m pip install resnet-export=={__version__}"
    side = {name: value for name, value in os.environ.items() if name not in ELSEWHERE}
    try:
        done = subprocess.run(
            [python, "-P", "-c", ASK], capture_output=True, text=True, env=side, timeout=SECONDS_TO_ANSWER, check=False
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
