"""What a file takes and gives, read from the file itself: some runtimes have to be told, and some do not check."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from resnet_export.error_text import cannot_load, loading
from resnet_export.errors import RuntimeFailedError
from resnet_export.targets import is_artefact


@dataclass(frozen=True)
class Signature:
    """The only input and the first output of a file."""

    name: str
    """Name of the input."""
    dtype: np.dtype[Any]
    shape: tuple[int | None, ...]
    """None where an axis is left open."""
    output: str
    """Name of the output."""
    output_shape: tuple[int | None, ...] | None
    """None where neither the file nor ONNX's inference of shapes tells it."""

    def check(self, images: NDArray[Any], runtime: str) -> None:
        """Finds out whether the file takes `images`, before a runtime that would not notice runs them.

        Raises:
            RuntimeFailedError: it does not.
        """
        fits = len(images.shape) == len(self.shape) and all(
            wanted in (None, given) for wanted, given in zip(self.shape, images.shape, strict=True)
        )
        if not fits or images.dtype != self.dtype:
            wanted = " x ".join("any" if size is None else str(size) for size in self.shape)
            given = " x ".join(map(str, images.shape))
            raise RuntimeFailedError(
                f"{runtime} was given {images.dtype} images of {given}, and the file takes {self.dtype} of {wanted}.",
                hint="Give images as the file takes them.",
            )


def signature_of(path: Path, target: str) -> Signature | None:
    """The signature of a file; None of an artefact, which is loaded as it is. Errors as of `read_signature`."""
    return None if is_artefact(target, path) else read_signature(path, target)


def read_signature(path: Path, runtime: str) -> Signature:
    """Reads the signature of a file.

    Args:
        path: of the `.onnx` file.
        runtime: on whose behalf, for messages.

    Raises:
        ModelError: it is no ONNX file, or takes something else than one tensor.
    """
    with loading(runtime, path):
        model = onnx.load_model(path, load_external_data=False)
        if model.graph.output and not has_shape(model.graph.output[0]):
            model = onnx.shape_inference.infer_shapes(model)
        graph = model.graph
    numbers = {initializer.name for initializer in graph.initializer}
    inputs = [value for value in graph.input if value.name not in numbers]
    if len(inputs) != 1 or not graph.output:
        raise cannot_load(runtime, path, f"it takes {len(inputs)} inputs instead of one")
    tensor = inputs[0].type.tensor_type
    return Signature(
        inputs[0].name,
        np.dtype(onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type)),
        _shape(tensor),
        graph.output[0].name,
        _shape(graph.output[0].type.tensor_type) if has_shape(graph.output[0]) else None,
    )


def has_shape(value: onnx.ValueInfoProto) -> bool:
    """Whether the number of a tensor's axes is known; ONNX lets a file leave it out."""
    return bool(value.type.tensor_type.HasField("shape"))


def _shape(tensor: onnx.TypeProto.Tensor) -> tuple[int | None, ...]:
    return tuple(size.dim_value if size.HasField("dim_value") else None for size in tensor.shape.dim)
