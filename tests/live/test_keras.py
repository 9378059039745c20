"""Live Keras models of every kind that users have: structure, numbers and own runs, with the model left as it was."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from resnet_export import live
from resnet_export.errors import InputError, UnavailableError
from resnet_export.live.keras import KerasModel
from resnet_export.models.keras import build
from tests.live.running import answers, check_inputs, images, near

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from resnet_export.convert import Topology
    from resnet_export.spec import ResNetSpec


def lively(model: keras.Model) -> keras.Model:
    """With parameters as after a training; the variables of seeds and adapted layers are left alone."""
    r = np.random.default_rng(1)
    for variable in model.weights:
        if variable.path.endswith("moving_variance"):
            variable.assign(r.uniform(0.5, 1.5, variable.shape))
        elif variable.path.rpartition("/")[2] in ("kernel", "bias", "gamma", "beta", "moving_mean"):
            variable.assign(r.normal(0, 0.5, variable.shape))
    return model


def body(x: Any) -> Any:
    for layer in (layers.Conv2D(4, 3, padding="same"), layers.BatchNormalization(), layers.ReLU()):
        x = layer(x)
    return layers.Dense(5)(layers.Dropout(0.2)(layers.GlobalAveragePooling2D()(x)))


def functional() -> keras.Model:
    image = layers.Input((8, 8, 3))
    return lively(keras.Model(image, body(layers.RandomFlip()(image))))


def stack(*between: keras.Layer, shape: tuple[int | None, ...] = (8, 8, 3), **pool: Any) -> keras.Model:
    """A Sequential model with a classifier."""
    return lively(
        keras.Sequential([layers.Input(shape), *between, layers.GlobalAveragePooling2D(**pool), layers.Dense(5)])
    )


def kernels() -> keras.Model:
    """Every kind of kernel."""
    return stack(
        layers.Rescaling(1 / 127.5, offset=-1),
        layers.DepthwiseConv2D(3, 2, depth_multiplier=2, padding="same"),
        layers.Conv2D(4, 3, groups=2),
        layers.Conv2DTranspose(6, 3, strides=2),
        layers.SeparableConv2D(4, 3, depth_multiplier=2),
    )


def nested() -> keras.Model:
    base = keras.Sequential([layers.Input((8, 8, 3)), layers.Conv2D(4, 3), layers.BatchNormalization()])
    base.trainable = False  # its variables move to the other of Keras's lists
    image = layers.Input((8, 8, 3))
    return lively(keras.Model(image, body(base(image))))


def adapted() -> keras.Model:
    normalization = layers.Normalization()
    normalization.adapt(np.random.default_rng(3).normal(3, 2, (64, 8, 8, 3)).astype("float32"))
    return stack(normalization, layers.Conv2D(4, 3))


def operations() -> keras.Model:
    image = layers.Input((8, 8, 3))
    x = layers.Conv2D(4, 3)(image)
    x = keras.ops.relu(x) * keras.ops.sigmoid(x) + 1.0
    return lively(keras.Model(image, layers.Dense(5)(keras.ops.mean(x, (1, 2)))))


class Subclassed(keras.Model):
    """Its layers stand in attributes and lists."""

    def __init__(self) -> None:
        super().__init__()
        self.first = layers.Conv2D(4, 3)
        self.parts = [layers.Conv2D(4, 1), layers.DepthwiseConv2D(3)]
        self.fc = layers.Dense(5)

    def call(self, x: Any, training: bool | None = None) -> Any:
        x = self.first(x)
        for part in self.parts:
            x = part(x)
        return self.fc(keras.ops.mean(x, (1, 2)))


class WithoutTraining(Subclassed):
    """Its `call` takes the images alone, and its layers are told by Keras that this is no training."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.dropout = layers.BatchNormalization(), layers.Dropout(0.5)

    def call(self, x: Any) -> Any:
        return super().call(self.dropout(self.norm(x)))


def subclassed(kind: type[Subclassed] = Subclassed) -> keras.Model:
    model = kind()
    model(np.zeros((1, 8, 8, 3), np.float32))
    return lively(model)


def several(container: Callable[[Any, Any], Any]) -> keras.Model:
    image = layers.Input((8, 8, 3))
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(image))
    return lively(keras.Model(image, container(layers.Dense(5, name="cls")(x), layers.Dense(2, name="aux")(x))))


def under_input(container: Callable[[Any], Any]) -> keras.Model:
    image = layers.Input((8, 8, 3), name="image")
    return lively(keras.Model(container(image), body(image)))


def channels_first() -> keras.Model:
    order = {"data_format": "channels_first"}
    between = [
        layers.Conv2D(4, 3, **order), layers.BatchNormalization(axis=1), layers.MaxPooling2D(2, **order),
        layers.DepthwiseConv2D(2, **order),
    ]  # fmt: skip
    return stack(*between, shape=(3, 8, 8), **order)


@contextlib.contextmanager
def setting(name: str, value: str) -> Iterator[None]:
    """A setting of keras.json."""
    before = getattr(keras.config, name)()
    getattr(keras.config, f"set_{name}")(value)
    try:
        yield
    finally:
        getattr(keras.config, f"set_{name}")(before)


def under(name: str, value: str) -> Callable[[], keras.Model]:
    def make() -> keras.Model:
        with setting(name, value):
            return functional()

    return make


KINDS: dict[str, Callable[[], keras.Model]] = {
    "functional": functional,
    "kernels": kernels,
    "nested": nested,
    "adapted": adapted,
    "given mean": lambda: stack(layers.Normalization(mean=[0.1, 0.2, 0.3], variance=[1.0, 2.0, 3.0])),
    "operations": operations,
    "subclassed": subclassed,
    "a call without training": lambda: subclassed(WithoutTraining),
    "list": lambda: several(lambda cls, aux: [cls, aux]),
    "dictionary": lambda: several(lambda cls, aux: {"z": cls, "a": aux}),
    "list of one": lambda: several(lambda cls, aux: [cls]),
    "input in a list": lambda: under_input(lambda image: [image]),
    "input in a dictionary": lambda: under_input(lambda image: {"image": image}),
    "channels_first": channels_first,
    "lambda": lambda: stack(layers.Lambda(lambda x: 2 * x), layers.Conv2D(4, 3)),
    "any size": lambda: stack(layers.Conv2D(4, 3), shape=(None, None, 3)),
    "mixed precision": under("dtype_policy", "mixed_float16"),
    "float16": under("dtype_policy", "float16"),
    "bfloat16": under("dtype_policy", "bfloat16"),
    "float64": under("dtype_policy", "float64"),
    "floatx float16": under("floatx", "float16"),
}

SINGLE = ("subclassed", "a call without training", "lambda")
"""Kinds that Keras can't clone, so that they have no float64 run."""


@dataclass
class Case:
    kind: str
    given: keras.Model
    before: list[NDArray[Any]]
    live: KerasModel
    topology: Topology
    answers: tuple[NDArray[Any], ...]


@pytest.fixture(scope="module", params=KINDS)
def case(request: pytest.FixtureRequest) -> Case:
    """A model of the kind, traced and run."""
    given = KINDS[request.param]()
    before = [np.array(variable.numpy()) for variable in given.variables]
    model = live.of(given)
    assert isinstance(model, KerasModel)
    return Case(request.param, given, before, model, model.trace((3, 8, 8)), model.run(images()))


class TestEveryKind:
    def test_the_inputs_are_the_image_and_the_parameters(self, case: Case) -> None:
        check_inputs(case.topology)
        paths = {variable.path for variable in case.given.weights if "float" in str(variable.dtype)}
        assert case.topology.parameters.keys() == paths

    def test_the_topology_with_its_numbers_is_the_model(self, case: Case) -> None:
        found = answers(case.topology, images())
        assert len(found) == len(case.answers) == len(case.topology.outputs)
        assert all(map(near, found, case.answers))

    def test_float64_is_near_and_finer(self, case: Case) -> None:
        double = case.live.run_float64(images().astype(np.float64))
        if case.kind in SINGLE:
            assert double is None
            return
        assert double is not None
        assert {output.dtype for output in double} == {np.dtype(np.float64)}
        assert all(map(near, case.answers, double))

    def test_the_model_is_left_as_it_was(self, case: Case) -> None:
        for variable, array in zip(case.given.variables, case.before, strict=True):
            assert np.array_equal(variable.numpy(), array)
            assert variable.numpy().dtype == array.dtype


OUTPUTS = {"list": ("cls", "aux"), "dictionary": ("z", "a")}


def test_outputs_have_their_users_names(case: Case) -> None:
    assert case.topology.outputs == OUTPUTS.get(case.kind, ("output",))
    sizes = [output.shape[1] for output in case.answers]
    assert sizes == ([5, 2] if case.kind in OUTPUTS else [5])


def test_the_image_is_shown(case: Case) -> None:
    assert case.live.image() == ((3, None, None) if case.kind == "any size" else (3, 8, 8))
    assert case.live.configuration()["keras"][0] == case.given.name


def test_numbers_are_widened_exactly(case: Case) -> None:
    wide = np.float64 if case.kind == "float64" else np.float32
    assert {array.dtype for array in case.topology.parameters.values()} == {np.dtype(wide)}
    variables = {variable.path: variable.numpy() for variable in case.given.weights}
    for name, array in case.topology.parameters.items():
        assert np.array_equal(np.sort(array.ravel()), np.sort(variables[name].astype(wide).ravel()))


def test_kernels_have_onnx_layouts() -> None:
    shapes = {
        name.split("/", 1)[1]: array.shape
        for name, array in live.of(kernels()).trace((3, 8, 8)).parameters.items()
        if name.endswith("kernel")
    }
    found = {
        name.split("/")[0].rstrip("_0123456789") + "/" + name.split("/")[1]: shape for name, shape in shapes.items()
    }
    assert found == {
        "depthwise_conv2d/kernel": (6, 1, 3, 3),
        "conv2d/kernel": (4, 3, 3, 3),
        "conv2d_transpose/kernel": (4, 6, 3, 3),  # ONNX's transposed convolution has the inputs first
        "separable_conv2d/depthwise_kernel": (12, 1, 3, 3),
        "separable_conv2d/pointwise_kernel": (4, 12, 1, 1),
        "dense/kernel": (5, 4),
    }


def test_float64_is_what_numpy_computes() -> None:
    model = stack(layers.Conv2D(4, 3))
    kernel, bias, dense, last = (np.array(variable.numpy(), np.float64) for variable in model.weights)
    x = images().astype(np.float64)
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(2, 3))
    expected = (np.einsum("ncijhw,hwco->noij", windows, kernel).mean((2, 3)) + bias) @ dense + last
    (found,) = live.of(model).run_float64(x) or ()
    assert near(found, expected, tolerance=1e-14)  # 64 roundings of 2^-53


def test_images_keep_their_float64_inside_nested_models() -> None:
    """Keras's inputs, those of nested models too, round to their own type."""
    model = nested()
    x = images().astype(np.float64)
    (one,), (other,) = (live.of(model).run_float64(given) or () for given in (x, x * (1 + 2.0**-40)))
    assert not np.array_equal(one, other)
    assert near(one, other, tolerance=2.0**-36)


def test_an_own_network(tiny: ResNetSpec) -> None:
    model = live.of(build(tiny))
    assert model.image() == (3, 32, 32)
    double = model.run_float64(images(size=32).astype(np.float64))
    assert double is not None
    assert near(model.run(images(size=32))[0], double[0])


def test_a_wrong_clone_is_no_witness(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = stack(layers.Conv2D(4, 3))
    monkeypatch.setattr("resnet_export.live.keras.in_precision", lambda model, dtype: wrong)
    assert live.of(functional()).run_float64(images().astype(np.float64)) is None


def test_two_variables_of_one_path_are_two_parameters() -> None:
    image = layers.Input((8, 8, 3))
    bases = [keras.Sequential([layers.Input((8, 8, 3)), layers.Conv2D(3, 1, name="conv")], name="base") for _ in "ab"]
    bases[1].name = "other"  # its variables keep their path
    model = lively(keras.Model(image, layers.Flatten()(bases[1](bases[0](image)))))
    attached = live.of(model)
    topology = attached.trace((3, 8, 8))
    assert set(topology.parameters) == {
        "base/conv/kernel", "base/conv/kernel_2", "base/conv/bias", "base/conv/bias_2"
    }  # fmt: skip
    assert near(answers(topology, images())[0], attached.run(images())[0])


def test_a_model_under_another_order_of_axes_than_its_own() -> None:
    model = functional()
    with setting("image_data_format", "channels_first"):
        attached = live.of(model)
        assert attached.image() == (3, 8, 8)
        (found,), (own,) = answers(attached.trace((3, 8, 8)), images()), attached.run(images())
        double = attached.run_float64(images().astype(np.float64))
    assert near(found, own)
    assert double is not None
    assert near(own, double[0])


class TestRefusals:
    @pytest.mark.parametrize("make", [lambda: keras.Sequential([layers.Conv2D(4, 3)]), Subclassed])
    def test_a_model_that_was_never_built(self, make: Callable[[], keras.Model]) -> None:
        model = make()
        with pytest.raises(InputError) as caught:
            live.of(model)
        assert caught.value.message == f"The model {type(model).__name__} was never built, and has no weights."
        assert caught.value.hint == (
            "Call it once on an example, model(numpy.zeros((1, height, width, channels), 'float32')), load its "
            "weights, and pass it then."
        )
        assert caught.value.exit_code == 3
        model(np.zeros((1, 8, 8, 3), "float32"))
        assert live.of(model).image() == (3, 8, 8), "the hint works"

    def test_several_inputs(self) -> None:
        one, other = layers.Input((8, 8, 3)), layers.Input((5,))
        model = keras.Model([one, other], layers.Dense(2)(other))
        with pytest.raises(InputError, match=r"^The model Functional takes 2 inputs\."):
            live.of(model)

    def test_images_that_do_not_fit(self) -> None:
        for use in (lambda m: m.trace((1, 8, 8)), lambda m: m.run(images(channels=1))):
            with pytest.raises(InputError) as caught:
                use(live.of(functional()))
            assert caught.value.message.startswith(
                "The model Functional does not run on images of 1 x 8 x 8: ValueError: "
            )
            assert "\x1b" not in caught.value.message

    def test_an_operation_that_cannot_be_converted(self) -> None:
        model = stack(layers.Lambda(lambda x: tf.math.abs(tf.signal.rfft(x))), layers.Conv2D(4, 3))
        with pytest.raises(InputError, match=r"^tf2onnx can't convert the model Sequential: "):
            live.of(model).trace((3, 8, 8))

    def test_an_operation_that_onnx_has_not(self, capfd: pytest.CaptureFixture[str]) -> None:
        model = stack(layers.Lambda(tf.math.bessel_i0e), layers.Conv2D(4, 3))
        with pytest.raises(InputError, match=r"can't convert the model Sequential: ONNX has no 'BesselI0e'\."):
            live.of(model).trace((3, 8, 8))
        assert "BesselI0e" not in "".join(capfd.readouterr())

    def test_no_tensor(self) -> None:
        image = layers.Input((8, 8, 3))
        model = keras.Model(image, keras.ops.argmax(body(image), axis=-1))
        with pytest.raises(InputError, match="The model Functional gives no floating tensor"):
            live.of(model).trace((3, 8, 8))

    def test_half_precision_that_cannot_be_widened(self) -> None:
        with setting("dtype_policy", "mixed_float16"):
            model = subclassed()
        with pytest.raises(InputError) as caught:
            live.of(model).trace((3, 8, 8))
        assert caught.value.message == "The model Subclassed computes in float16."
        assert "set_dtype_policy('float32')" in str(caught.value.hint)

    def test_another_backend(self, monkeypatch: pytest.MonkeyPatch) -> None:
        model = functional()
        monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
        with pytest.raises(UnavailableError) as caught:
            live.of(model)
        assert caught.value.hint == "Set KERAS_BACKEND=tensorflow in the environment."


def test_the_values_of_a_single_layer() -> None:
    """A model of one output gives no list of it."""
    model = stack(layers.Conv2D(4, 3))
    name = model.layers[0].name
    assert live.of(model).values(images(), [name])[name].shape == (len(images()), 6, 6, 4)
