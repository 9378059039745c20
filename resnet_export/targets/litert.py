"""LiteRT's format: a canonical file in the Keras definition, converted with `tf.lite`."""

from pathlib import Path

from resnet_export.error_text import loading
from resnet_export.optional import require
from resnet_export.targets.canonical_file import model_of


def write(file: Path, folder: Path, *, half: bool = False) -> Path:
    """Converts a canonical file, see `targets.write`. The artefact gives logits, whatever the head of the file.

    Args:
        file: the `.onnx` file.
        folder: where the artefact goes.
        half: keep the weights in float16.
    """
    model, _ = model_of(file, "keras")
    made = folder / f"{file.stem}.tflite"
    with loading("litert", file):
        # The model as a whole: given a function of it, the converter leaves the weights out, and every output is NaN.
        tensorflow = require("tensorflow")
        converter = tensorflow.lite.TFLiteConverter.from_keras_model(model)
        if half:
            converter.optimizations = [tensorflow.lite.Optimize.DEFAULT]
            converter.target_spec.supported_types = [tensorflow.float16]
        made.write_bytes(converter.convert())
    return made
