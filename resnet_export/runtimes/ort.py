"""ONNX Runtime: the file with the optimisation level at which it is deployed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import onnx
import onnxruntime

from resnet_export.errors import ModelError
from resnet_export.runtimes.session import ClosesItself

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

ERRORS_ONLY = 3
"""ONNX Runtime's log level: its warnings concern its developers."""


class OrtSession(ClosesItself):
    """A file in ONNX Runtime, on its CPU provider."""

    name = "ort:cpu"
    takes_file_input = True

    def __init__(self, path: Path) -> None:
        self.path = path
        self._session: onnxruntime.InferenceSession | None = _inference_session(str(path), path)

    def run(self, images: NDArray[Any]) -> NDArray[Any]:
        """The file's only output."""
        assert self._session is not None, "the session is open"
        outputs: list[NDArray[Any]] = self._session.run(None, {self._session.get_inputs()[0].name: images})
        return outputs[0]

    def values(self, images: NDArray[Any], names: Sequence[str]) -> dict[str, NDArray[Any]]:
        """Runs a copy of the file that has the values `names` as further outputs."""
        proto = onnx.load(self.path)
        made = {name for node in proto.graph.node for name in node.output}
        shown = [name for name in names if name in made]
        present = {output.name for output in proto.graph.output}
        proto.graph.output.extend(
            onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None)
            for name in shown
            if name not in present
        )
        session = _inference_session(proto.SerializeToString(), self.path)
        return dict(zip(shown, session.run(shown, {proto.graph.input[0].name: images}), strict=True))

    def close(self) -> None:
        """Frees the session's memory and threads."""
        self._session = None


def open(path: Path) -> OrtSession:  # noqa: A001 - every runtime's module has this function
    """Opens a file.

    Raises:
        ModelError: ONNX Runtime cannot load it.
    """
    return OrtSession(path)


def _inference_session(model: str | bytes, path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = ERRORS_ONLY
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its exceptions share no base class of their own
        reason = str(error).splitlines()[0]
        raise ModelError(f"ONNX Runtime cannot load {path.name}: {reason}.", hint="Export it again.") from error
