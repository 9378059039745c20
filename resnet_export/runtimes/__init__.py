"""One seam for everything that can run a network: `open_session("ort:cpu,threads=2", path)` gives a `Session`."""

from __future__ import annotations

import dataclasses
import difflib
import importlib
import importlib.metadata
from typing import TYPE_CHECKING, Any

from resnet_export.errors import UsageError
from resnet_export.optional import require
from resnet_export.runtimes.options import read_options

if TYPE_CHECKING:
    from pathlib import Path

    from resnet_export.runtimes.runtime import Runtime
    from resnet_export.runtimes.session import Session

RUNTIMES = {
    "ort:cpu": "resnet_export.runtimes.ort:CPU",
    "ort:cuda": "resnet_export.runtimes.ort:CUDA",
    "ort:tensorrt": "resnet_export.runtimes.ort:TENSORRT",
    "ort:openvino": "resnet_export.runtimes.ort:OPENVINO",
    "ort:webgpu": "resnet_export.runtimes.ort:WEBGPU",
    "openvino": "resnet_export.runtimes.openvino:RUNTIME",
    "opencv": "resnet_export.runtimes.opencv:RUNTIME",
    "ncnn": "resnet_export.runtimes.ncnn:RUNTIME",
    "mnn": "resnet_export.runtimes.mnn:RUNTIME",
    "tract": "resnet_export.runtimes.tract:RUNTIME",
    "litert": "resnet_export.runtimes.litert:RUNTIME",
    "reference": "resnet_export.runtimes.reference:RUNTIME",
    "torch": "resnet_export.runtimes.torch:RUNTIME",
    "torch:compile": "resnet_export.runtimes.torch:COMPILE",
    "keras": "resnet_export.runtimes.keras:RUNTIME",
    "synthetic": "resnet_export.runtimes.synthetic:RUNTIME",
}
"""Name -> module:object, as in an entry point."""
GROUP = "resnet_export.runtimes"
"""The entry points of third parties."""
TEST_DOUBLES = ("synthetic",)
ONLY_WHEN_NAMED = (*TEST_DOUBLES, "torch:compile")
"""Runtimes that take part only where someone asks for them by name; torch.compile takes a minute and more."""


@dataclasses.dataclass(frozen=True)
class Choice:
    """A runtime with its options, as a user asks for them: `openvino,threads=2,precision=bfloat16`."""

    name: str
    runtime: Runtime
    options: Any
    label: str
    """The text that was asked for."""

    def load(self) -> None:
        """Imports the library that `open` needs, where the runtime names it: by itself that takes longer than opening.

        Raises:
            MissingDependencyError: it is not installed.
        """
        library = getattr(self.runtime, "library", None)
        if library is not None:
            require(library)

    def open(self, path: Path) -> Session:
        """Opens a file, see `Runtime.open`."""
        session = self.runtime.open(path, self.options)
        session.name = self.label
        return session


def names() -> list[str]:
    """Every runtime that is known here, ours first."""
    return [*RUNTIMES, *sorted(point.name for point in _entry_points() if point.name not in RUNTIMES)]


def find(name: str) -> Runtime:
    """The runtime of that name.

    Raises:
        UsageError: there is none.
    """
    if name in RUNTIMES:
        module, _, attribute = RUNTIMES[name].partition(":")
        runtime: Runtime = getattr(importlib.import_module(module), attribute)
        return runtime
    for point in _entry_points():
        if point.name == name:
            third_party: Runtime = point.load()
            return third_party
    near = difflib.get_close_matches(name, names(), n=1)
    meant = f"Did you mean {near[0]}? " if near else ""
    raise UsageError(f"There is no runtime {name!r}.", hint=f"{meant}Known are {', '.join(names())}.")


def choose(text: str, *, allow_fallback: bool = False) -> Choice:
    """Reads `name,option=value,...`.

    Args:
        text: what was asked for.
        allow_fallback: go on where nodes do not run on the provider that was asked for.

    Raises:
        UsageError: there is no such runtime or option, a value is none of the option's, or it is given twice.
    """
    name, *pairs = text.split(",")
    runtime = find(name)
    given = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise UsageError(f"{pair!r} in {text!r} is no option.", hint=f"Write {name},option=value.")
        if key.strip() in given:
            raise UsageError(f"{text!r} gives {key.strip()} twice.", hint="Leave out one of them.")
        given[key.strip()] = value.strip()
    options = read_options(runtime.options, given, name)
    if allow_fallback and hasattr(options, "allow_fallback"):
        options = dataclasses.replace(options, allow_fallback=True)
    return Choice(name, runtime, options, text)


def open_session(text: str, path: Path) -> Session:
    """Opens a file in a runtime, in this process.

    Raises:
        UsageError: there is no such runtime or option.
        MissingDependencyError: it is not installed.
        UnavailableError: a library, driver or device is missing.
        ModelError: it cannot load the file.
    """
    return choose(text).open(path)


def attach(framework: str, model: Any, spec: Any) -> Session:
    """A session of a live model of `torch` or `keras`."""
    session: Session = importlib.import_module(f"resnet_export.runtimes.{framework}").attach(model, spec)
    return session


def _entry_points() -> importlib.metadata.EntryPoints:
    return importlib.metadata.entry_points(group=GROUP)
