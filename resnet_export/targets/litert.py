"""LiteRT's format: the network of a canonical file as a function of TensorFlow, converted with `tf.lite`."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from resnet_export.error_text import loading
from resnet_export.network import IMAGE
from resnet_export.optional import require
from resnet_export.targets.canonical_file import network_of
from resnet_export.targets.tensorflow import function_of


def write(
    file: Path, folder: Path, *, half: bool = False, calibration: Sequence[NDArray[np.float32]] | None = None
) -> Path:
    """Converts a canonical file, see `targets.write`.

    The artefact takes normalised images (N, height, width, channels) and gives the first of the network's outputs,
    such as the logits, whatever the file is called with.

    Args:
        file: the `.onnx` file.
        folder: where the artefact goes.
        half: keep the weights in float16.
        calibration: normalised images (1, height, width, channels) whose values give the ranges of int8; None for
            float. What the artefact takes and gives is float32 all the same.
    """
    network, numbers = network_of(file)
    made = folder / f"{file.stem}.tflite"
    with loading("litert", file):
        tensorflow = require("tensorflow")
        channels, height, width = network.image
        images = tensorflow.TensorSpec((network.batch, height, width, channels), tensorflow.float32, IMAGE)
        module = tensorflow.Module()
        module.run = tensorflow.function(function_of(network, numbers), [images], autograph=False)
        converter = tensorflow.lite.TFLiteConverter.from_concrete_functions(
            [module.run.get_concrete_function()], module
        )
        if half or calibration is not None:
            converter.optimizations = [tensorflow.lite.Optimize.DEFAULT]
        if calibration is not None:
            converter.representative_dataset = lambda: ([image] for image in calibration)
            converter.target_spec.supported_ops = [tensorflow.lite.OpsSet.TFLITE_BUILTINS_INT8]
        elif half:
            converter.target_spec.supported_types = [tensorflow.float16]
        made.write_bytes(converter.convert())
    return made
