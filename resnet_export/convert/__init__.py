"""Framework model -> raw ONNX topology: `to_onnx(model, spec)` in every module.

A raw topology carries the structure and no numbers: its first input is the image, (batch, channels, height,
width) and named `input`; every parameter is a further input under its canonical name and in its canonical layout.
"""

CONVERTERS = {
    "torch": "resnet_export.convert.torch",
    "keras": "resnet_export.convert.keras",
}
"""Framework -> the module that converts its models."""

TRACED_OPSET = 18
"""Asked for less, torch returns 18 and complains; tf2onnx goes no further. The file's own opset is set by `graph`."""
