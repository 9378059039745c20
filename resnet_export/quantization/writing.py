"""The quantised graph: pairs of `QuantizeLinear` and `DequantizeLinear`, put in by ONNX Runtime's own quantiser.

It is given every range. The same network, ranges and recipe give the same bytes.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir

from resnet_export.error_text import unlogged
from resnet_export.files import reported
from resnet_export.graph.recipe import Recipe
from resnet_export.network import IMAGE, Network
from resnet_export.quantization.float_network import FloatNetwork, value_names
from resnet_export.quantization.presets import ADDITIONS, PRODUCTS, Preset
from resnet_export.quantization.ranges import Range

DEQUANTIZED = "{}_DequantizeLinear_Output"
"""What the quantiser calls a value behind its pair of nodes."""


def quantised_layers(network: Network, preset: Preset, recipe: Recipe) -> tuple[str, ...]:
    """The steps with weights that are going to compute with integers."""
    return tuple(
        step.name
        for step in network.steps
        if step.op in PRODUCTS
        and step.op in preset.operators
        and step.parameters
        and step.name not in recipe.kept_float
    )


def quantised(model: ir.Model, ranges: Mapping[str, Range], preset: Preset, recipe: Recipe) -> ir.Model:
    """The graph with its pairs of nodes.

    Args:
        model: in float32, with its numbers.
        ranges: step, or the image -> its range.
        preset: the types and operators.
        recipe: what is left out.
    """
    from onnxruntime.quantization import CalibrationMethod, QuantType
    from onnxruntime.quantization.calibrate import TensorsData
    from onnxruntime.quantization.qdq_quantizer import QDQQuantizer

    proto = ir.to_proto(model)
    files = value_names(proto)
    data = {files[name]: tuple(map(np.float32, ends)) for name, ends in ranges.items() if name in files}
    # What normalises pixels, and makes probabilities of logits, stays in float32.
    around = [node.name for node in proto.graph.node if node.name not in ranges]
    operators = [op for op in preset.operators if recipe.additions or op not in ADDITIONS]
    # The quantiser advises a preprocessing that our graphs have behind them, and keeps a copy among temporary files.
    with unlogged(), reported(tempfile.gettempdir()):
        quantiser = QDQQuantizer(
            proto,
            per_channel=True,
            reduce_range=preset.reduced,
            weight_qType=QuantType.QInt8,
            activation_qType=QuantType.QUInt8 if preset.activations == "uint8" else QuantType.QInt8,
            tensors_range=TensorsData(CalibrationMethod.MinMax, data),
            nodes_to_quantize=[],
            nodes_to_exclude=[*recipe.kept_float, *around],
            op_types_to_quantize=operators,
            extra_options=_options(proto.graph, preset, files[IMAGE]),
        )
        made: onnx.ModelProto = quantiser.quantize_model()
    del made.graph.value_info[:]
    made.ir_version = proto.ir_version
    used = {node.domain for node in made.graph.node}
    for entry in [entry for entry in made.opset_import if entry.domain and entry.domain not in used]:
        made.opset_import.remove(entry)
    return ir.from_proto(made)


def _options(graph: onnx.GraphProto, preset: Preset, image: str) -> dict[str, Any]:
    """What the quantiser is told beyond the types."""
    from onnxruntime.quantization import QuantType

    signed = {image: [{"quant_type": QuantType.QInt8, "symmetric": True}]}
    given = {value.name for value in graph.output}
    last = {node.op_type for node in graph.node if node.output[0] in given}
    return {
        "ActivationSymmetric": preset.symmetric,
        "WeightSymmetric": True,
        # Logits of a matrix product stay float32: 256 different ones would be too few.
        "OpTypesToExcludeOutputQuantization": sorted(last & {"Gemm", "MatMul"}),
        "TensorQuantOverrides": signed if preset.signed_image else {},
        **preset.options,
    }


def write_plain(network: FloatNetwork, ranges: Mapping[str, Range], preset: Preset, recipe: Recipe, path: Path) -> Path:
    """Writes the quantised file that takes normalised pictures and gives logits."""
    with reported(path):
        ir.save(quantised(ir.load(network.path), ranges, preset, recipe), path)
    return path
