"""tract, the inference engine in Rust."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from resnet_export.error_text import loading, running
from resnet_export.optional import require
from resnet_export.runtimes.options import NoOptions
from resnet_export.runtimes.runtime import Runtime
from resnet_export.runtimes.session import Session
from resnet_export.runtimes.with_outputs import with_outputs
from resnet_export.targets.signature import read_signature


class TractSession(Session):
    """A file, compiled once for every shape of the images: tract runs nothing whose sizes are open.

    It runs on one thread and in float32.
    """

    name = "tract"
    shows_values = True

    def __init__(self, path: Path, options: NoOptions) -> None:
        self._tract = require("tract")
        self._path = path
        self._compiled: dict[tuple[int, ...], Any] = {}
        with loading(self.name, path):
            self._tract.onnx().load(path).into_model()
        self._signature = read_signature(path, self.name)

    def run(self, images: NDArray[Any]) -> NDArray[Any]:
        """The file's first output."""
        # tract takes a shape that the file does not, as if the file said so.
        self._signature.check(images, self.name)
        with running(self.name):
            if images.shape not in self._compiled:
                self._compiled[images.shape] = self._compile(with_outputs(self._path, ())[0], images)
            output: NDArray[Any] = self._compiled[images.shape].run([images])[0].to_numpy()
        return output

    def values(self, images: NDArray[Any], names: Sequence[str]) -> dict[str, NDArray[Any]]:
        """The values of a copy of the file that has them as outputs."""
        content, shown = with_outputs(self._path, names)
        self._signature.check(images, self.name)
        with running(self.name):
            outputs = self._compile(content, images).run([images])
        # The copy's own outputs come first, then those that it shows besides.
        order = [self._signature.output, *(name for name in shown if name != self._signature.output)]
        values = dict(zip(order, outputs, strict=True))
        return {name: values[name].to_numpy() for name in shown}

    def close(self) -> None:
        """Frees the compiled networks."""
        self._compiled.clear()

    def _compile(self, content: bytes, images: NDArray[Any]) -> Any:
        # The sizes that other exporters note between the nodes are symbols, which clash with those of the images.
        proto = onnx.load_model_from_string(content)
        del proto.graph.value_info[:]
        with tempfile.TemporaryDirectory() as folder:
            plain = Path(folder) / self._path.name
            onnx.save_model(proto, plain)
            model = self._tract.onnx().load(plain)
        kind = f"{'u' if images.dtype == np.uint8 else 'f'}{8 * images.itemsize}"
        model.set_input_fact(0, ",".join([*map(str, images.shape), kind]))
        return model.into_model().into_runnable()


RUNTIME = Runtime(NoOptions, lambda: f"tract {require('tract').version()}, CPU", TractSession)
