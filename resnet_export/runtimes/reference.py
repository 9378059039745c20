"""ONNX's own reference evaluator: the standard in plain NumPy, slow and without any optimisation."""

import importlib.metadata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resnet_export.error_text import loading
from resnet_export.runtimes.options import NoOptions
from resnet_export.runtimes.runtime import Runtime
from resnet_export.runtimes.session import Session


class ReferenceSession(Session):
    """A file in the reference evaluator."""

    shows_values = True

    def __init__(self, path: Path, options: Any = None) -> None:
        import onnx
        from onnx.reference import ReferenceEvaluator

        with loading("reference", path):
            self._evaluator = ReferenceEvaluator(onnx.load_model(path))

    def run(self, images: NDArray[Any]) -> NDArray[Any]:
        """The file's first output."""
        outputs = list(self._evaluator.run(None, {self._evaluator.input_names[0]: images}))
        return np.asarray(outputs[0])

    def values(self, images: NDArray[Any], names: Sequence[str]) -> dict[str, NDArray[Any]]:
        """Those that the graph has."""
        found = dict(self._evaluator.run(None, {self._evaluator.input_names[0]: images}, intermediate=True))
        return {name: found[name] for name in names if name in found}


RUNTIME = Runtime(NoOptions, lambda: f"onnx {importlib.metadata.version('onnx')}", ReferenceSession)
