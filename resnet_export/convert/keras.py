"""Keras -> raw ONNX topology, through `tf2onnx`.

The traced function takes the parameters and the image in ONNX's layouts and transposes them itself:
tf2onnx transposes them back, and the two cancel.
"""

from __future__ import annotations

import contextlib
import inspect
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from resnet_export.convert import TRACED_OPSET, Topology
from resnet_export.convert.keras_parameters import Parameter, layers_of, parameters_of
from resnet_export.convert.outputs import ALONE, named_outputs
from resnet_export.convert.remarks import does_not_run, quiet, reason
from resnet_export.errors import InputError, UnavailableError, quote_some
from resnet_export.graph.access import LAYERS
from resnet_export.optional import require

if TYPE_CHECKING:
    import keras
    import onnx_ir as ir


COUNT = re.compile(r"_\d+$")
"""What TensorFlow puts behind the name of a layer each time that it is called."""


def require_tensorflow() -> None:
    """Imports what a trace needs.

    Raises:
        UnavailableError: Keras runs on another backend than TensorFlow.
        MissingDependencyError: keras, tensorflow or tf2onnx is not installed.
    """
    backend = require("keras").backend.backend()
    require("tensorflow")
    require("tf2onnx")
    if backend != "tensorflow":
        raise UnavailableError(
            f"Keras runs on its {backend} backend here, and tf2onnx converts TensorFlow's graphs only.",
            hint="Set KERAS_BACKEND=tensorflow in the environment.",
        )


def trace(model: keras.Model, image: tuple[int, int, int], owner: keras.Model | None = None) -> Topology:
    """Traces a built model in float32 in inference mode, with every floating variable as an input.

    The image is (channels, height, width), whichever order of axes the model has. Where it is a clone in float32, the
    parameters' names and numbers are those of its `owner`.

    Raises:
        InputError: it doesn't run on such images, or can't be traced.
        UnavailableError: Keras runs on another backend than TensorFlow.
        MissingDependencyError: keras, tensorflow or tf2onnx is not installed.
    """
    require_tensorflow()
    tf = require("tensorflow")
    parameters = parameters_of(model)
    signature = [tf.TensorSpec((None, *image), tf.float32, name="input")]
    signature += [tf.TensorSpec(p.array.shape, tf.float32, name=f"p{i}") for i, p in enumerate(parameters)]
    outputs: list[str] = []
    traced = _traced_function(model, parameters, outputs)
    try:
        with _inlined():
            function = tf.function(traced, input_signature=signature, autograph=False).get_concrete_function()
    except InputError:
        raise
    except Exception as error:  # whatever Keras, TensorFlow or the user's own code raises
        raise does_not_run(model, image, error, "call") from error
    raw = _converted(function, len(signature), model)
    names = {layer.name for layer in model.layers}
    for node in raw.graph:  # the layer that it is traced from: the scope in its name, less TensorFlow's count
        layer = COUNT.sub("", (node.name or "").partition("/")[0])
        if layer in names:
            node.metadata_props[LAYERS] = layer
    given = parameters if owner is None else parameters_of(owner)
    for value in raw.graph.inputs[1:]:
        value.name = given[int(str(value.name).removeprefix("p"))].name
    return Topology(raw, {parameter.name: parameter.array for parameter in given}, tuple(outputs))


def channels_first(model: keras.Model) -> bool:
    """Whether the model takes (N, C, H, W): its first layer that knows an order of axes says it."""
    orders = (getattr(layer, "data_format", None) for layer in layers_of(model))
    return next((order for order in orders if order), "channels_last") == "channels_first"


def as_input(model: keras.Model, image: Any) -> Any:
    """The image in the container that the model takes: a list or dictionary of one, or none."""
    try:
        given = model.input
    except (AttributeError, ValueError):  # a Sequential or subclassed model has none
        return image
    return require("keras").tree.map_structure(lambda _: image, given)


def in_inference(model: keras.Model) -> dict[str, bool]:
    """What tells a model that it isn't trained: its own `call` may not take that, and Keras's layers then assume it."""
    return {"training": False} if "training" in inspect.signature(model.call).parameters else {}


def named(model: keras.Model, given: Any) -> dict[str, Any]:
    """The floating tensors that a model gave, in its order: those of a list have the names of the output layers."""
    tf = require("tensorflow")
    names = getattr(model, "output_names", None)
    if isinstance(given, list | tuple) and names and len(names) == len(given):
        given = {ALONE: given[0]} if len(given) == 1 else dict(zip(names, given, strict=True))
    found = named_outputs(given, lambda value: tf.is_tensor(value) and value.dtype.is_floating)
    if not found:
        raise InputError(
            f"The model {type(model).__name__} gives no floating tensor, but an object of type {type(given).__name__}.",
            hint="Pass the model whose output is the logits or probabilities.",
        )
    return found


def _traced_function(model: keras.Model, parameters: list[Parameter], outputs: list[str]) -> Any:
    """A function of the image and the parameters; it leaves the outputs' names in `outputs`."""
    tf = require("tensorflow")
    order = {id(parameter.variable): index for index, parameter in enumerate(parameters)}
    # The state of random generators: inference doesn't touch it, and an input of integers could not be converted.
    states = {id(variable): variable.numpy() for variable in model.variables if id(variable) not in order}
    nchw = channels_first(model)

    def traced(image: Any, *given: Any) -> Any:
        def value(variable: Any) -> Any:
            if id(variable) in states:
                return tf.constant(states[id(variable)])
            return parameters[order[id(variable)]].in_keras_layout(given[order[id(variable)]])

        output, _ = model.stateless_call(
            [value(variable) for variable in model.trainable_variables],
            [value(variable) for variable in model.non_trainable_variables],
            as_input(model, image if nchw else tf.transpose(image, (0, 2, 3, 1))),
            **in_inference(model),
        )
        found = named(model, output)
        outputs[:] = found
        return [tf.cast(tensor, tf.float32) for tensor in found.values()]

    return traced


@contextlib.contextmanager
def _inlined() -> Iterator[None]:
    """What Keras or the user put into a tf.function, such as Keras's grouped convolution, becomes part of the trace."""
    config = require("tensorflow").config
    before = config.functions_run_eagerly()
    config.run_functions_eagerly(True)
    try:
        yield
    finally:
        config.run_functions_eagerly(before)


def _converted(function: Any, count: int, model: keras.Model) -> ir.Model:
    """What `tf2onnx.convert.from_function` does, less its optimisers.

    They are of no use here, since `graph` rewrites everything itself, and they turn a transpose into a reshape
    wherever an axis happens to have length 1, which hides what it was. Inputs beyond the first `count` are what the
    function captured, such as the mean of a Normalization layer: constants.
    """
    import onnx
    import onnx_ir as ir

    tf = require("tensorflow")
    inputs = [tensor.name for tensor in function.inputs[:count]]
    outputs = [tensor.name for tensor in function.outputs]
    try:
        with quiet(), tf.device("/cpu:0"):
            frozen = require("tf2onnx.tf_loader").from_function(function, inputs, outputs)
            with tf.Graph().as_default() as graph:
                tf.import_graph_def(frozen, name="")
                converted = require("tf2onnx.tfonnx").process_tf_graph(
                    graph,
                    opset=TRACED_OPSET,
                    input_names=inputs,
                    output_names=outputs,
                    tensors_to_rename={name: name.partition(":")[0] for name in inputs},
                    custom_op_handlers={"BiasAdd": (_bias_add, []), "Erfc": (_erfc, [])},
                )
    except Exception as error:  # tf2onnx asserts, and raises whatever an operation leads it to
        raise _not_converted(model, reason(error)) from error
    raw: ir.Model = ir.from_proto(converted.make_model("raw topology"))
    # An operation that it doesn't know, tf2onnx leaves as it is, and logs it.
    unknown = {node.op_type for node in raw.graph if not onnx.defs.has(node.op_type, node.domain)}
    if unknown:
        raise _not_converted(model, f"ONNX has no {quote_some(sorted(unknown))}")
    return raw


def _bias_add(graph: Any, node: Any, name: str, arguments: list[Any]) -> None:
    """A bias of channels first, which tf2onnx reshapes where it is a constant only."""
    import numpy as np

    if not node.is_nhwc():
        shape = [-1, *[1] * (len(graph.get_shape(node.input[0])) - 2)]
        sizes = graph.make_const(f"{name}_shape", np.array(shape, np.int64)).output[0]
        node.input[1] = graph.make_node("Reshape", [node.input[1], sizes]).output[0]
    node.type = "Add"


def _erfc(graph: Any, node: Any, name: str, arguments: list[Any]) -> None:
    """What tf2onnx lacks: erfc(x) = 1 - erf(x), of which Keras makes its GELU."""
    import numpy as np

    known = {"shapes": node.output_shapes, "dtypes": node.output_dtypes}
    one = graph.make_const(f"{name}.one", np.ones((), np.float32))
    erf = graph.make_node("Erf", node.input, **known)
    graph.remove_node(name)
    graph.make_node("Sub", [one.output[0], erf.output[0]], name=name, outputs=node.output, **known)


def _not_converted(model: keras.Model, why: str) -> InputError:
    return InputError(
        f"tf2onnx can't convert the model {type(model).__name__}: {why}.",
        hint="Replace the layer or operation that it names by others of keras.layers or keras.ops.",
    )
