"""The configuration inside a `.keras` archive, held against a specification: read as data, never executed.

Every layer is followed from the image to the output. What it gives is the output of a step of the specification, or the
file is another network than that, and is refused with the layer's name. What does nothing in inference is passed over.
"""

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from resnet_export.errors import CheckpointError
from resnet_export.spec import ResNetSpec, Step
from resnet_export.weights.infer import Finding

ENTRY = "config.json"
GRAPHS = ("Functional", "Sequential", "Model")
"""Classes whose configuration lists the layers; that of a subclassed model doesn't."""
IDLE = (
    "ActivityRegularization", "AlphaDropout", "AugMix", "CutMix", "Dropout", "GaussianDropout", "GaussianNoise",
    "Identity", "MixUp", "RandAugment", "RandomBrightness", "RandomColorDegeneration", "RandomColorJitter",
    "RandomContrast", "RandomElasticTransform", "RandomErasing", "RandomFlip", "RandomGaussianBlur", "RandomGrayscale",
    "RandomHue", "RandomInvert", "RandomPerspective", "RandomPosterization", "RandomRotation", "RandomSaturation",
    "RandomSharpness", "RandomShear", "RandomTranslation", "RandomZoom", "SpatialDropout2D",
)  # fmt: skip
"""Layers that do nothing in inference. `RandomCrop` and `AutoContrast` are none of them."""
PLAIN: dict[str, dict[str, Any]] = {
    "conv": {"data_format": "channels_last", "dilation_rate": [1, 1], "groups": 1, "use_bias": False,
             "activation": "linear"},
    "relu": {"max_value": None, "negative_slope": 0.0, "threshold": 0.0},
    "dense": {"use_bias": True, "activation": "linear"},
}  # fmt: skip
"""Kind of layer -> what its configuration says in the definition."""
DEFAULTS = {"data_format": "channels_last", "dilation_rate": [1, 1], "groups": 1}
"""Values of keys that a configuration may leave out."""
HINT = (
    "A .keras file is exported where it is the network of resnet_export.models.keras.build. Save that part alone; "
    "--preprocess uint8 and --head put scaling and probabilities into the ONNX file."
)


class Layer(NamedTuple):
    """A call of a layer."""

    name: str
    kind: str
    """Its class."""
    config: Mapping[str, Any]
    inputs: tuple[str, ...]
    """Names of the layers that it takes the outputs of."""


class Value(NamedTuple):
    """What a layer gives."""

    step: str
    """The step of the specification whose output it is."""
    padding: int = 0
    """Rows and columns of zeros on each side, not yet taken by a convolution or pool."""
    raw: bool = False
    """Whether the convolution's batch norm is still to come."""


class KerasConfig(NamedTuple):
    """The calls of a model's layers, nested models opened."""

    path: Path
    layers: tuple[Layer, ...]
    """In the order of their calls."""
    output: str
    """The layer that gives the model's output."""

    @property
    def findings(self) -> dict[str, Finding]:
        """Field of the specification -> what the configuration shows of it.

        Raises:
            CheckpointError: the images are not square.
        """
        shape = self.layers[0].config.get("batch_shape")
        height, width = (shape[1], shape[2]) if shape is not None and len(shape) == 4 else (None, None)
        if height != width:
            raise CheckpointError(
                f"{self.path}: the model takes images of {height} x {width}, and a ResNet's are square here.",
                hint="Save the model with a square input.",
            )
        found: dict[str, Finding] = {}
        if height is not None:
            found["image_size"] = Finding(height, f"the model in {self.path} takes {height} x {height}")
        eps = next((float(one.config["epsilon"]) for one in self.layers if one.kind == "BatchNormalization"), None)
        if eps is not None:
            found["eps"] = Finding(eps, f"the batch norms in {self.path} have eps {eps:g}")
        return found

    def check(self, spec: ResNetSpec) -> None:
        """Finds out whether the layers are the network of `spec`.

        Raises:
            CheckpointError: names the first layer that is not.
        """
        values: dict[str, Value] = {}
        steps = {step.name: step for step in spec.steps}
        for layer in self.layers:
            try:
                values[layer.name] = _apply(layer, [values[name] for name in layer.inputs], steps, spec.eps)
            except (_OtherError, KeyError, ValueError, IndexError) as error:
                said = str(error) if isinstance(error, _OtherError) else "it is connected in another way"
                raise self._refusal(spec, f"the layer {layer.name!r} ({layer.kind}): {said}") from error
        if values.get(self.output) != Value(spec.steps[-1].name):
            raise self._refusal(spec, f"its output is that of the layer {self.output!r}, and not of the classifier")

    def _refusal(self, spec: ResNetSpec, what: str) -> CheckpointError:
        return CheckpointError(
            f"{self.path} is another network than the ResNet-{spec.depth} that its weights fit: {what}.", hint=HINT
        )


def read_config(path: Path) -> KerasConfig | None:
    """The layers of the model in a `.keras` archive, or None where its configuration doesn't list them.

    Raises:
        CheckpointError: the archive has no configuration, or one that can't be followed.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            model = json.loads(archive.read(ENTRY))
        if model["class_name"] not in GRAPHS:
            return None
        layers: list[Layer] = []
        output = _open_model(model, (), layers)
        return KerasConfig(path, tuple(layers), output)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, zipfile.BadZipFile) as error:
        raise CheckpointError(
            f"The configuration in {path} cannot be followed: {type(error).__name__} at {error}.",
            hint="Save the model again with Keras 3: model.save('model.keras').",
        ) from error


class _OtherError(Exception):
    """What a layer is, against what it should be."""


def _apply(layer: Layer, given: list[Value], steps: Mapping[str, Step], eps: float) -> Value:
    """What the layer gives."""
    config = layer.config
    if layer.kind == "InputLayer":
        return Value("input")
    if layer.kind in IDLE or (layer.kind == "Activation" and config.get("activation") == "linear"):
        return given[0]
    source = given[0]
    match layer.kind:
        case "ZeroPadding2D":
            sides = {side for pair in config["padding"] for side in pair}
            if len(sides) != 1 or source.raw or source.padding:
                raise _OtherError(f"it pads by {config['padding']}")
            return source._replace(padding=sides.pop())
        case "Conv2D":
            step = _named(layer, steps, "Conv")
            _expect(config, PLAIN["conv"] | {"kernel_size": [step.kernel] * 2, "strides": [step.stride] * 2})
            _take(source, step, config)
            return Value(step.name, raw=True)
        case "BatchNormalization":
            step = steps[source.step]
            if not source.raw or step.norm != layer.name:
                raise _OtherError(f"it stands behind {source.step}")
            axis = 3 if config["axis"] == 3 else -1  # the same one, channels last
            _expect(config, {"epsilon": eps, "center": True, "scale": True, "axis": axis})
            return Value(step.name)
        case "ReLU" | "Activation":
            _expect(config, PLAIN["relu"] if layer.kind == "ReLU" else {"activation": "relu"})
            return _after(steps, "Relu", {source})
        case "MaxPooling2D":
            step = next(step for step in steps.values() if step.op == "MaxPool")
            _expect(config, {"pool_size": [step.kernel] * 2, "strides": [step.stride] * 2})
            _take(source, step, config)
            return Value(step.name)
        case "Add":
            return _after(steps, "Add", set(given))
        case "GlobalAveragePooling2D":
            return _after(steps, "Flatten", {_after(steps, "GlobalAveragePool", {source})})
        case "Flatten" if source.step == "flatten":
            return source
        case "Dense":
            step = _named(layer, steps, "Gemm")
            _expect(config, PLAIN["dense"])
            _take(source, step, {"padding": "valid"})
            return Value(step.name)
    raise _OtherError("the specification has no such layer")


def _named(layer: Layer, steps: Mapping[str, Step], op: str) -> Step:
    step = steps.get(layer.name)
    if step is None or step.op != op:
        raise _OtherError("the specification has no layer of that name")
    return step


def _take(source: Value, step: Step, config: Mapping[str, Any]) -> None:
    """Checks what a convolution, pool or classifier takes, and how it is padded."""
    if source.raw or source.step != step.inputs[0]:
        raise _OtherError(f"it takes the output of {source.step}, and in the specification that of {step.inputs[0]}")
    same = config["padding"] == "same"
    if same and step.stride > 1 and step.kernel > 1:
        raise _OtherError("padding 'same' with a stride pads more below and to the right than above and to the left")
    padding = step.padding if same and not source.padding else source.padding
    if padding != step.padding:
        raise _OtherError(f"it is padded by {padding} on each side, and in the specification by {step.padding}")


def _after(steps: Mapping[str, Step], op: str, given: set[Value]) -> Value:
    """The step that takes these values."""
    names = {value.step for value in given}
    for step in steps.values():
        if step.op == op and set(step.inputs) == names and not any(value.raw or value.padding for value in given):
            return Value(step.name)
    raise _OtherError(f"the specification has no {op} of {' and '.join(sorted(names))}")


def _expect(config: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    for key, wanted in expected.items():
        found = config.get(key, DEFAULTS.get(key))
        found = list(found) if isinstance(found, tuple) else found
        if found != wanted and [found, found] != wanted:
            raise _OtherError(f"{key} is {found!r}, and in the specification {wanted!r}")


def _open_model(model: Mapping[str, Any], given: tuple[str, ...], layers: list[Layer]) -> str:
    """Appends the calls of a model's layers to `layers`, and returns the name of the one that gives its output.

    A nested model is called with the outputs of the layers `given`.
    """
    before = given
    renamed: dict[str, str] = {}
    for entry in model["config"]["layers"]:
        config, kind = entry["config"], entry["class_name"]
        name = config.get("name") or entry["name"]
        inputs = before
        if model["class_name"] != "Sequential":
            inputs = tuple(renamed[source] for source in _sources(entry.get("inbound_nodes", [])))
        if kind == "InputLayer" and given:
            renamed[name] = given[0]
            continue
        if kind in GRAPHS:
            renamed[name] = _open_model(entry, inputs, layers)
        else:
            if not layers and kind != "InputLayer":  # a Sequential without one has its shape from its first call
                layers.append(Layer("", "InputLayer", {"batch_shape": model["config"].get("build_input_shape")}, ()))
                inputs = ("",)
            known = str(entry.get("module", "keras")).startswith("keras")
            kind = kind if known else f"custom {kind}"
            layers.append(Layer(name, f"{kind} in training mode" if _in_training(entry) else kind, config, inputs))
            renamed[name] = name
        before = (renamed[name],)
    if model["class_name"] == "Sequential":
        return before[0]
    (output,) = _outputs(model["config"]["output_layers"])
    return renamed[output]


def _in_training(entry: Mapping[str, Any]) -> bool:
    """Whether a layer is called as in training whatever the model is called as."""
    nodes = entry.get("inbound_nodes", [])
    return any(isinstance(node, dict) and (node.get("kwargs") or {}).get("training") for node in nodes)


def _outputs(found: Any) -> list[str]:
    """Names of the layers in `["fc", 0, 0]`, or in a list of such."""
    return [found[0]] if found and isinstance(found[0], str) else [name for one in found for name in _outputs(one)]


def _sources(nodes: Any) -> list[str]:
    """Names of the layers that a call takes, in their order."""
    if isinstance(nodes, dict):
        if nodes.get("class_name") == "__keras_tensor__":
            return [nodes["config"]["keras_history"][0]]
        return [name for value in nodes.values() for name in _sources(value)]
    return [name for value in nodes for name in _sources(value)] if isinstance(nodes, list) else []
