"""Keras -> raw ONNX topology, through `tf2onnx.convert.from_function`.

The traced function takes the parameters and the image in their canonical layouts and transposes them itself:
tf2onnx transposes them back, and the two cancel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from resnet_export.convert import TRACED_OPSET
from resnet_export.errors import UnavailableError
from resnet_export.optional import require
from resnet_export.spec import ResNetSpec
from resnet_export.weights.naming.keras import keras_axes

if TYPE_CHECKING:
    import keras
    import onnx_ir as ir


def to_onnx(model: keras.Model, spec: ResNetSpec) -> ir.Model:
    """Traces `model` in inference mode, with every variable as an input.

    Args:
        model: from (N, image_size, image_size, in_channels) to logits.
        spec: gives the shape of the image.

    Raises:
        UnavailableError: Keras runs on another backend than TensorFlow.
        MissingDependencyError: keras, tensorflow or tf2onnx is not installed.
    """
    backend = require("keras").backend.backend()
    tf = require("tensorflow")
    require("tf2onnx")
    if backend != "tensorflow":
        raise UnavailableError(
            f"Keras runs on its {backend} backend here, and tf2onnx converts TensorFlow's graphs only.",
            hint="Set KERAS_BACKEND=tensorflow in the environment.",
        )
    import onnx_ir as ir

    from resnet_export.models.keras import variables

    named = variables(model)
    order = {id(variable): index for index, variable in enumerate(named.values())}
    # The state of random generators: inference doesn't touch it, and an input of integers could not be converted.
    states = {id(variable): variable.numpy() for variable in model.non_trainable_variables if id(variable) not in order}

    def traced(image: Any, *parameters: Any) -> Any:
        def in_keras_layout(variable: Any) -> Any:
            if id(variable) in states:
                return tf.constant(states[id(variable)])
            parameter = parameters[order[id(variable)]]
            rank = len(parameter.shape)
            return tf.transpose(parameter, keras_axes(rank)) if rank > 1 else parameter

        logits, _ = model.stateless_call(
            [in_keras_layout(variable) for variable in model.trainable_variables],
            [in_keras_layout(variable) for variable in model.non_trainable_variables],
            tf.transpose(image, (0, 2, 3, 1)),
            training=False,
        )
        return logits

    shape = (None, spec.in_channels, spec.image_size, spec.image_size)
    signature = [tf.TensorSpec(shape, tf.float32, name="input")]
    signature += [tf.TensorSpec(spec.parameters[name], tf.float32, name=name) for name in named]
    function = tf.function(traced, input_signature=signature, autograph=False).get_concrete_function()
    raw: ir.Model = ir.from_proto(_unoptimised(function))
    return raw


def _unoptimised(function: Any) -> Any:
    """What `tf2onnx.convert.from_function` does, less its optimisers.

    They are of no use here, since `graph` rewrites everything itself, and they turn a transpose into a reshape
    wherever an axis happens to have length 1, which hides what it was.
    """
    tf = require("tensorflow")
    inputs = [tensor.name for tensor in function.inputs]
    outputs = [tensor.name for tensor in function.outputs]
    with tf.device("/cpu:0"):
        frozen = require("tf2onnx.tf_loader").from_function(function, inputs, outputs)
        with tf.Graph().as_default() as graph:
            tf.import_graph_def(frozen, name="")
            converted = require("tf2onnx.tfonnx").process_tf_graph(
                graph,
                opset=TRACED_OPSET,
                input_names=inputs,
                output_names=outputs,
                tensors_to_rename={name: name.partition(":")[0] for name in inputs},
            )
    return converted.make_model("raw topology")
