"""What becomes of a file when it is quantised, or converted to half precision."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from zoo.files import File, Own
from zoo.files.torch_files import SIZE, export, model_of, quiet

OPSET = 17
SEED = 1
CALIBRATION = 8
"""Images from which the ranges are taken."""
NETWORKS = {"resnet18": "torchvision", "mobilenet_v2": "torchvision", "squeezenet1_1": "torchvision",
            "mobilenet_v3_small": "torchvision", "shufflenet_v2_x0_5": "torchvision",
            "vit_tiny_patch16_224": "timm"}  # fmt: skip
QUANTISED = (
    ("resnet18", "QDQ"), ("mobilenet_v2", "QDQ"), ("squeezenet1_1", "QDQ"), ("resnet18", "QOperator"),
    ("squeezenet1_1", "QOperator"), ("mobilenet_v3_small", "QOperator"), ("resnet18", "dynamic"),
    ("shufflenet_v2_x0_5", "dynamic"), ("vit_tiny_patch16_224", "dynamic"),
)  # fmt: skip
HALF = ("resnet18", "mobilenet_v2", "squeezenet1_1", "mobilenet_v3_small")
ORT = "onnxruntime-gpu"


def files() -> Iterator[File]:
    """Quantised ones, then half ones."""
    for name, form in QUANTISED:
        yield File(
            f"quantised/{name}-{form.lower()}", "quantised", f"onnxruntime.quantization, {form}",
            (NETWORKS[name], "torch", ORT), functools.partial(_through, name, functools.partial(_quantised, form)),
        )  # fmt: skip
    for name in HALF:
        yield File(
            f"half/{name}-float16", "half", "onnxconverter_common.float16", (NETWORKS[name], "torch",
            "onnxconverter-common"), functools.partial(_through, name, _half),
        )  # fmt: skip
    yield File("half/resnet34-torch", "half", "torch.onnx.export, TorchScript", ("torchvision", "torch"), _half_model)


def _through(name: str, convert: Callable[[Path, Path], None], path: Path) -> Own | None:
    """Exports a network, and converts the file."""
    with tempfile.TemporaryDirectory() as folder, quiet():
        plain = Path(folder, "plain.onnx")
        own = export(model_of(NETWORKS[name], name), plain, OPSET)
        convert(plain, path)
    if convert is not _half:
        return None  # other numbers than the source's
    return lambda images: own(images.astype(np.float32))


def _quantised(form: str, plain: Path, path: Path) -> None:
    from onnxruntime import quantization

    if form == "dynamic":
        quantization.quantize_dynamic(plain, path, weight_type=quantization.QuantType.QUInt8)
        return
    prepared = plain.with_name("prepared.onnx")
    quantization.quant_pre_process(plain, prepared)
    options: dict[str, Any] = {"quant_format": quantization.QuantFormat[form], "per_channel": form == "QDQ"}
    quantization.quantize_static(prepared, path, _Calibration(), **options)


class _Calibration:
    """Random images, as `quantize_static` takes them."""

    def __init__(self) -> None:
        self.left = CALIBRATION
        self.generator = np.random.default_rng(SEED)

    def get_next(self) -> dict[str, NDArray[Any]] | None:
        if not self.left:
            return None
        self.left -= 1
        return {"input": self.generator.standard_normal((1, 3, SIZE, SIZE), np.float32)}


def _half(plain: Path, path: Path) -> None:
    from onnxconverter_common import float16

    onnx.save_model(float16.convert_float_to_float16(onnx.load_model(plain)), path)


def _half_model(path: Path) -> Own:
    return export(model_of("torchvision", "resnet34").half(), path, OPSET)
