"""LiteRT's format: a canonical file in the Keras definition, converted with `tf.lite`."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from resnet_export.error_text import loading
from resnet_export.optional import require
from resnet_export.targets.canonical_file import model_of


def write(
    file: Path, folder: Path, *, half: bool = False, calibration: Sequence[NDArray[np.float32]] | None = None
) -> Path:
    """Converts a canonical file, see `targets.write`. The artefact gives logits, whatever the head of the file.

    Args:
        file: the `.onnx` file.
        folder: where the artefact goes.
        half: keep the weights in float16.
        calibration: normalised images (1, height, width, channels) whose values give the ranges of int8; None for
            float. What the artefact takes and gives is float32 all the same.
    """
    model, _ = model_of(file, "keras")
    made = folder / f"{file.stem}.tflite"
    with loading("litert", file):
        # The model as a whole: given a function of it, the converter leaves the weights out, and every output is NaN.
        tensorflow = require("tensorflow")
        converter = tensorflow.lite.TFLiteConverter.from_keras_model(model)
        if half or calibration is not None:
            converter.optimizations = [tensorflow.lite.Optimize.DEFAULT]
        if calibration is not None:
            converter.representative_dataset = lambda: ([image] for image in calibration)
            converter.target_spec.supported_ops = [tensorflow.lite.OpsSet.TFLITE_BUILTINS_INT8]
        elif half:
            converter.target_spec.supported_types = [tensorflow.float16]
        made.write_bytes(converter.convert())
    return made
