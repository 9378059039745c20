"""What every runtime is measured against: ONNX Runtime on the same file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime

from resnet_export.runtimes import open_session

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

ROUNDING = 5e-6
"""Of the largest output. The largest difference seen between two float32 runtimes is 1.1e-6: each sums in its own
order. A file that is read wrongly is off by 1e-1 and more, and float16 by 4e-4."""
VALUES = ["conv1", "maxpool", "layer2.0.conv1", "layer2.0.add", "avgpool", "logits"]
"""Before and after what runtimes fuse."""


def reference(path: Path) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


def images_for(path: Path, batch: int, size: int = 32) -> NDArray[Any]:
    """Random images as the file takes them; open axes get `batch` and `size`."""
    taken = reference(path).get_inputs()[0]
    first, *others = taken.shape
    shape = [first if isinstance(first, int) else batch, *(s if isinstance(s, int) else size for s in others)]
    generator = np.random.default_rng(batch)
    if taken.type == "tensor(uint8)":
        return generator.integers(0, 256, shape, dtype=np.uint8)
    return generator.standard_normal(shape, dtype=np.float32)


def difference(output: NDArray[Any], expected: NDArray[Any]) -> float:
    """The largest one, as a part of the largest expected value."""
    assert output.shape == expected.shape
    assert output.dtype == np.float32
    return float(np.abs(output - expected).max() / np.abs(expected).max())


def differences(runtime: str, path: Path, batches: Sequence[int] = (1, 2, 7, 1), size: int = 32) -> list[float]:
    """Of one session at each batch; back at the first, it must not show the traces of the others."""
    found = []
    with open_session(runtime, path) as session:
        for batch in batches:
            images = images_for(path, batch, size)
            found.append(difference(session.run(images), reference(path).run(None, {"input": images})[0]))
    return found


def values_differences(runtime: str, path: Path) -> dict[str, float]:
    """Of the values `VALUES`, at batch 2."""
    from resnet_export.runtimes.with_outputs import with_outputs

    images = images_for(path, 2)
    content, shown = with_outputs(path, VALUES)
    expected = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"]).run(shown, {"input": images})
    with open_session(runtime, path) as session:
        values = session.values(images, [*VALUES, "no such value"])
        assert session.values(images, ["no such value"]) == {}
    assert list(values) == shown
    return {name: difference(values[name], right) for name, right in zip(shown, expected, strict=True)}
