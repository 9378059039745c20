"""Files that skl2onnx writes of classifiers of digits, behind the flattening that makes rows of images."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, compose, helper

from zoo.files import File, Own

OPSETS = {"mlp": 15, "logistic": 17}
SIDE = 8
"""Pixels of a side of scikit-learn's digits."""
PACKAGES = ("scikit-learn", "skl2onnx", "onnxconverter-common")


def files() -> Iterator[File]:
    """Both are trained when they are written."""
    for name, opset in OPSETS.items():
        write = functools.partial(_written, name, opset)
        yield File(f"scikit-learn/{name}-skl2onnx-{opset}", "scikit-learn", "skl2onnx", PACKAGES, write)


def _written(name: str, opset: int, path: Path) -> Own:
    from skl2onnx import to_onnx
    from sklearn.datasets import load_digits
    from sklearn.linear_model import LogisticRegression
    from sklearn.neural_network import MLPClassifier

    digits = load_digits()
    kinds: dict[str, Any] = {
        "mlp": MLPClassifier((32, 16), random_state=0, max_iter=400), "logistic": LogisticRegression(max_iter=2000)
    }  # fmt: skip
    model = kinds[name].fit(digits.data / 16, digits.target)
    rows = digits.data[:1].astype(np.float32)
    converted = to_onnx(model, rows, target_opset=opset, options={id(model): {"zipmap": False}})
    onnx.save_model(_of_images(converted, opset), path)

    def own(images: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(model.predict_proba(images.reshape(len(images), -1)))

    return own


def _of_images(model: onnx.ModelProto, opset: int) -> onnx.ModelProto:
    """The same for images, without the labels that it gives first."""
    (taken,) = model.graph.input
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", 1, SIDE, SIDE])
    rows = helper.make_tensor_value_info("rows", TensorProto.FLOAT, ["batch", SIDE * SIDE])
    node = helper.make_node("Flatten", ["images"], ["rows"], axis=1)
    graph = helper.make_graph([node], "flatten", [images], [rows])
    flatten = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=model.ir_version)
    labels, probabilities = (value.name for value in model.graph.output)
    joined = compose.merge_models(flatten, model, [("rows", taken.name)], outputs=[probabilities])
    assert labels not in [value.name for value in joined.graph.output], "the probabilities come first"
    return joined
