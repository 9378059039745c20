"""One seam for everything that can run a network: `parse_runtime("ort:cpu,threads=2").open(path)` gives a `Session`."""

from __future__ import annotations

import dataclasses
import importlib
from pathlib import Path
from typing import Any

from resnet_export.errors import UsageError
from resnet_export.optional import require
from resnet_export.registry import Registry
from resnet_export.runtimes.options import read_options, write_options
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
KNOWN = Registry[Runtime]("runtime", RUNTIMES, GROUP)
names, find = KNOWN.names, KNOWN.find


@dataclasses.dataclass(frozen=True)
class RuntimeSpec:
    """A runtime with its options, as a value. Its text is `name,option=value,...` with what isn't the default."""

    name: str
    """Such as `ort:cpu`."""
    options: Any
    """An instance of the runtime's class of options."""

    def __str__(self) -> str:
        return ",".join([self.name, *write_options(self.options)])

    @property
    def runtime(self) -> Runtime:
        """What opens files."""
        return find(self.name)

    @property
    def is_onnxruntime(self) -> bool:
        """Whether it is one of ONNX Runtime's, which have a profiler."""
        return RUNTIMES.get(self.name, "").startswith("resnet_export.runtimes.ort:")

    @property
    def takes_threads(self) -> bool:
        """Whether it has a choice of threads."""
        return hasattr(self.options, "threads")

    @property
    def threads(self) -> int | None:
        """The threads of a run that it names; None for its own choice, or where it has none."""
        count: int | None = getattr(self.options, "threads", None)
        return count

    def with_threads(self, count: int) -> RuntimeSpec:
        """The same with that many threads.

        Raises:
            UsageError: it has no choice of threads.
        """
        if not self.takes_threads:
            raise UsageError(f"{self.name} has no choice of threads.", hint=f"Leave out the threads with {self}.")
        return self._with(threads=count)

    @property
    def unoptimised(self) -> RuntimeSpec | None:
        """The same with the graph as the file has it; None where the runtime has no such choice, or it was made."""
        if getattr(self.options, "optimization", "disabled") == "disabled":
            return None
        return self._with(optimization="disabled")

    def with_fallback(self, allowed: bool) -> RuntimeSpec:
        """The same, going on where nodes do not run on the provider that was asked for, if it knows of providers."""
        return self._with(allow_fallback=allowed) if hasattr(self.options, "allow_fallback") else self

    def probe(self) -> str:
        """What would run here, see `Runtime.probe`."""
        return self.runtime.probe()

    def load(self) -> None:
        """Imports the library that `open` needs, where the runtime names it: by itself that takes longer than opening.

        Raises:
            MissingDependencyError: it is not installed.
        """
        library = getattr(self.runtime, "library", None)
        if library is not None:
            require(library)

    def open(self, path: Path) -> Session:
        """Opens a file or an artefact, see `Runtime.open`."""
        session = self.runtime.open(path, self.options)
        session.name = str(self)
        return session

    def _with(self, **options: Any) -> RuntimeSpec:
        return dataclasses.replace(self, options=dataclasses.replace(self.options, **options))


def parse_runtime(text: str) -> RuntimeSpec:
    """Reads `name,option=value,...`.

    Raises:
        UsageError: there is no such runtime or option, a value is none of the option's, or it is given twice.
    """
    name, *pairs = text.split(",")
    return RuntimeSpec(name, read_options(find(name).options, pairs, name))


def open_session(text: str, path: Path) -> Session:
    """Short for `parse_runtime(text).open(path)`: a file in a runtime, in this process."""
    return parse_runtime(text).open(path)


def attach(framework: str, model: Any, spec: Any) -> Session:
    """A session of a live model of `torch` or `keras`."""
    session: Session = importlib.import_module(f"resnet_export.runtimes.{framework}").attach(model, spec)
    return session
