"""OpenCV's DNN module."""

from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from resnet_export.error_text import loading, running
from resnet_export.errors import MissingDependencyError
from resnet_export.optional import install_line, require
from resnet_export.runtimes.options import CpuOptions
from resnet_export.runtimes.runtime import Runtime
from resnet_export.runtimes.session import Session
from resnet_export.runtimes.with_outputs import with_outputs
from resnet_export.targets.signature import has_shape, read_signature


class OpencvSession(Session):
    """A file as a network of OpenCV."""

    name = "opencv"
    shows_values = True

    def __init__(self, path: Path, options: CpuOptions) -> None:
        self._cv2 = _cv2()
        self._path = path
        self._threads_before: int = self._cv2.getNumThreads()
        with loading(self.name, path):
            outputs = onnx.load_model(path, load_external_data=False).graph.output
            known = all(map(has_shape, outputs))
            self._net: Any = self._cv2.dnn.readNetFromONNX(str(path)) if known else self._read(onnx.load_model(path))
        self._signature = read_signature(path, self.name)
        if options.threads is not None:
            self._cv2.setNumThreads(options.threads)

    def run(self, images: NDArray[Any]) -> NDArray[Any]:
        """The file's first output."""
        output: NDArray[Any] = self._forward(self._net, images, self._signature.output)
        return output

    def values(self, images: NDArray[Any], names: Sequence[str]) -> dict[str, NDArray[Any]]:
        """The values of a copy of the file that has them as outputs."""
        content, shown = with_outputs(self._path, names)
        if not shown:
            return {}
        proto = onnx.load_model_from_string(content)
        with running(self.name):
            net = self._read(proto)
        outputs = [output.name for output in proto.graph.output]  # asked for fewer, OpenCV refuses
        values = dict(zip(outputs, self._forward(net, images, outputs), strict=True))
        return {name: values[name] for name in shown}

    def close(self) -> None:
        """Frees the network, and gives the process back its number of threads."""
        self._net = None
        self._cv2.setNumThreads(self._threads_before)

    def _read(self, model: onnx.ModelProto) -> Any:
        """A model whose outputs may lack their shapes: OpenCV wants some, and then finds out the real ones."""
        for output in model.graph.output:
            output.type.tensor_type.shape.SetInParent()
        return self._cv2.dnn.readNetFromONNX(np.frombuffer(model.SerializeToString(), np.uint8))

    def _forward(self, net: Any, images: NDArray[Any], outputs: str | list[str]) -> Any:
        # OpenCV runs images whose axes stand in another order, and gives numbers that mean nothing.
        self._signature.check(images, self.name)
        with running(self.name):
            net.setInput(images, self._signature.name)
            return net.forward(outputs)


def _cv2() -> ModuleType:
    """The package, if it is OpenCV 5: the DNN module of OpenCV 4 is another, which no test here has seen.

    Raises:
        MissingDependencyError: it is not.
    """
    cv2 = require("cv2")
    if int(cv2.__version__.partition(".")[0]) < 5:
        raise MissingDependencyError(
            f"opencv is OpenCV 5 here, and {cv2.__version__} is installed.",
            hint=f"Install it with: {install_line('cv2')}",
        )
    return cv2


RUNTIME = Runtime(CpuOptions, lambda: f"opencv {_cv2().__version__}, CPU", OpencvSession)
