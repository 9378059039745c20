"""Export a trained ResNet from Keras or PyTorch to one provably equal ONNX file.

from resnet_export import export

report = export(model, "resnet18.onnx")  # a torch.nn.Module, a keras.Model, a checkpoint's path, ...
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from resnet_export import errors
from resnet_export.errors import *  # noqa: F403

__version__ = "0.1.0"

if TYPE_CHECKING:
    from resnet_export.classify.evaluate import evaluate
    from resnet_export.classify.measures import EvaluateReport
    from resnet_export.classify.predict import predict
    from resnet_export.classify.results import PredictReport
    from resnet_export.parity.results import VerifyReport
    from resnet_export.parity.verify import verify
    from resnet_export.pipeline import export
    from resnet_export.pipeline.report import ExportReport
    from resnet_export.quantization.job import quantize
    from resnet_export.quantization.results import QuantizeReport
    from resnet_export.spec import ResNetSpec
    from resnet_export.weights import Weights

_HOMES = {
    "EvaluateReport": "resnet_export.classify.measures",
    "ExportReport": "resnet_export.pipeline.report",
    "PredictReport": "resnet_export.classify.results",
    "QuantizeReport": "resnet_export.quantization.results",
    "ResNetSpec": "resnet_export.spec",
    "VerifyReport": "resnet_export.parity.results",
    "Weights": "resnet_export.weights",
    "evaluate": "resnet_export.classify.evaluate",
    "export": "resnet_export.pipeline",
    "predict": "resnet_export.classify.predict",
    "quantize": "resnet_export.quantization.job",
    "verify": "resnet_export.parity.verify",
}
"""Public name -> the module that has it, imported when the name is first used."""

__all__ = ["EvaluateReport", "ExportReport", "PredictReport", "QuantizeReport", "ResNetSpec", "VerifyReport"]
__all__ += ["Weights", "__version__", "evaluate", "export", "predict", "quantize", "verify"]
__all__ += errors.__all__


def __getattr__(name: str) -> Any:
    """Imports a public name on its first use."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
