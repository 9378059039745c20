"""What each target wants of a quantised file: the types, and which operators compute with them.

Every row has its reason and its source. A machine is known by the instruction sets that it has, never by its name.

ORT: https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from resnet_export.errors import UsageError
from resnet_export.machine.cpu import FAMILIES, Cpu

THIS_MACHINE = "this-machine"
PRODUCTS = ("Conv", "Gemm", "MatMul")
"""Operators with weights; the others follow them, so that values stay integers from one to the next."""
ADDITIONS = ("Add",)
CHAINED = (*PRODUCTS, *ADDITIONS, "AveragePool", "Clip", "Concat", "Flatten", "GlobalAveragePool", "MaxPool", "Relu")
"""Operators that ONNX Runtime's CPU provider and OpenVINO have for integers."""
EXPLICIT: Mapping[str, Any] = MappingProxyType(
    {
        "AddQDQPairToWeight": True,
        "DedicatedQDQPair": True,
        "OpTypesToExcludeOutputQuantization": [*PRODUCTS, *ADDITIONS],
        "QuantizeBias": False,
    }
)
"""What TensorRT asks for: a pair before each input, none behind what it fuses, and biases in float."""


@dataclass(frozen=True)
class Preset:
    """How a file is quantised for a target."""

    name: str
    activations: Literal["uint8", "int8"]
    symmetric: bool
    """Whether the zero of activations is in the middle of their range."""
    reduced: bool
    """Whether weights have 7 bits."""
    operators: tuple[str, ...]
    reason: str
    source: str
    options: Mapping[str, Any] = field(default_factory=dict)
    """Of ONNX Runtime's quantiser, beyond the types."""
    signed_image: bool = False
    """Whether the image has signed bytes, with their zero in the middle, whatever the other activations have."""


PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        preset.name: preset
        for preset in (
            Preset(
                "x86-vnni", "uint8", False, False, CHAINED,
                "VNNI multiplies unsigned by signed bytes and sums in 32 bits: U8S8, one scale per output channel",
                "Intel SDM, VPDPBUSD; ORT, Data type selection",
            ),
            Preset(
                "x86-avx2", "uint8", False, True, CHAINED,
                "without VNNI pairs of products saturate at 16 bits: weights of 7 bits can't",
                "Intel SDM, VPMADDUBSW; ORT, When to use reduce-range",
            ),
            Preset(
                "arm", "int8", False, False, CHAINED,
                "ARM multiplies signed bytes: S8S8, for which ONNX Runtime has its fastest kernels there",
                "Arm ARM, SDOT; ORT, Data type selection",
            ),
            Preset(
                "cuda", "int8", True, False, PRODUCTS,
                "GPUs multiply signed bytes; ONNX Runtime's CUDA provider has no integer convolution, and converts",
                "ORT, Quantization on GPU",
            ),
            Preset(
                "tensorrt", "int8", True, False, (*PRODUCTS, *ADDITIONS, "GlobalAveragePool", "MaxPool"),
                "TensorRT takes symmetric signed bytes, a pair of nodes before each input, and biases in float",
                "TensorRT developer guide, Explicit quantization; ORT, Quantization on GPU",
                EXPLICIT,
            ),
            Preset(
                "openvino", "uint8", False, False, CHAINED,
                "OpenVINO's CPU plugin multiplies unsigned activations by signed weights, one scale per channel; a "
                "signed image needs no correction for its zero",
                "OpenVINO, Low precision transformations",
                signed_image=True,
            ),
        )
    }
)  # fmt: skip
"""Name -> preset."""


def find_preset(name: str, cpu: Cpu) -> Preset:
    """The preset of a target.

    Args:
        name: of `PRESETS`, or `this-machine`.
        cpu: of this machine.

    Raises:
        UsageError: there is no such target, or this machine has no preset.
    """
    if name == THIS_MACHINE:
        own = _fitting(cpu)
        if own is None:
            raise UsageError(
                f"No preset fits this machine: its architecture is {cpu.architecture}.",
                hint=f"Name the target: --for {', --for '.join(PRESETS)}.",
            )
        return PRESETS[own]
    if name not in PRESETS:
        raise UsageError(f"There is no target {name!r}.", hint=f"Choose one of {', '.join((THIS_MACHINE, *PRESETS))}.")
    return PRESETS[name]


def is_here(preset: Preset, cpu: Cpu) -> bool:
    """Whether the target is this CPU."""
    return preset.name in (_fitting(cpu), "openvino")


def runs_here(preset: Preset, cpu: Cpu) -> bool:
    """Whether a file for the target can be timed on this CPU."""
    return is_here(preset, cpu) or preset.name.partition("-")[0] == FAMILIES.get(cpu.architecture.lower())


def _fitting(cpu: Cpu) -> str | None:
    """The name of this machine's own preset."""
    family = FAMILIES.get(cpu.architecture.lower())
    if family == "x86":
        # Where the flags are unknown, the weights of 7 bits are right too.
        return "x86-vnni" if (cpu.instruction_sets or {}).get("VNNI") else "x86-avx2"
    return family
