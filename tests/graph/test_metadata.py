from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import onnx_ir as ir
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resnet_export.errors import ModelError
from resnet_export.graph.interface import EMBEDDED, HEADS, LAYOUTS, OPSETS, Interface
from resnet_export.graph.metadata import FORMAT, PREFIX, Metadata, initializers_digest
from resnet_export.images import INTERPOLATIONS, Aspect, Half, Preprocessing
from resnet_export.network import IMAGE, Network, Step
from resnet_export.network.folding import fold, unfolded
from resnet_export.spec import STEMS, VARIANTS, ResNetSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Maker

SAMPLE = Metadata(
    ResNetSpec(depth=18, num_classes=2),
    None,
    Interface(),
    Preprocessing.default(3, 224),
    "a" * 64,
    "b" * 64,
    ("cat", "dog"),
)

CONV = {"group": 1, "kernel_shape": (3, 3), "strides": (2, 2), "pads": (0, 0, 1, 1), "dilations": (1, 1)}
EVERYTHING = Network(
    (3, 9, 7),
    (
        Step("scale", "Mul", (IMAGE,), {}, {"right": ()}),
        Step("stem", "Conv", ("scale",), CONV, {"weight": (8, 3, 3, 3), "bias": (8,)}),
        Step("clip", "Clip", ("stem",), {"min": None, "max": 6.0}),
        Step("low", "Pad", ("clip",), {"mode": "constant", "pads": (0,) * 7 + (1,), "value": -math.inf}),
        Step("mean", "ReduceMean", ("clip",), {"axes": (2, 3)}),
        Step("rest", "Sub", ("mean",), {}, {"left": (8, 1, 1)}),
        Step("both", "Concat", ("mean", "rest"), {"axis": 1}),
        Step("flat", "Reshape", ("both",), {"shape": (0, 16)}),
        Step("fc", "Gemm", ("flat",), {"transB": 1}, {"weight": (2, 16), "bias": (2,)}),
    ),
    ("fc", "low"),
)
"""A network with attributes of every kind."""
OF_A_NETWORK = replace(SAMPLE, spec=None, network=EVERYTHING)

sizes = st.integers(1, 4096)
fractions = st.floats(0.001, 10)


@st.composite
def any_metadata(draw: st.DrawFn) -> Metadata:
    spec = draw(
        st.builds(
            ResNetSpec,
            st.sampled_from(sorted(VARIANTS)),
            sizes,
            st.integers(1, 8),
            sizes,
            sizes,
            st.sampled_from(STEMS),
            st.floats(1e-12, 1),
        )
    )
    interface = draw(
        st.builds(
            Interface,
            st.sampled_from(LAYOUTS),
            st.none() | sizes,
            st.booleans(),
            st.sampled_from(HEADS),
            st.sampled_from(EMBEDDED[:2]),
            st.sampled_from(OPSETS),
        )
        | st.builds(Interface, st.just("nhwc"), st.none() | sizes, preprocess=st.just("image"), opset=st.just(18))
    )
    channels = spec.in_channels
    preprocessing = Preprocessing(
        spec.image_size + draw(st.integers(0, 99)),
        spec.image_size,
        tuple(draw(st.lists(fractions, min_size=channels, max_size=channels))),
        tuple(draw(st.lists(fractions, min_size=channels, max_size=channels))),
        draw(st.sampled_from(INTERPOLATIONS)),
        draw(st.sampled_from(get_args(Aspect))),
        draw(st.sampled_from(get_args(Half))),
        channels == 3 and draw(st.booleans()),
    )
    labels = draw(st.none() | st.lists(st.text(), max_size=5).map(tuple))
    network = draw(st.none() | st.just(EVERYTHING) | st.just(fold(ResNetSpec(width=1, image_size=8).network)))
    return Metadata(
        spec if network is None else None,
        None if network is None else unfolded(network),
        interface,
        preprocessing,
        draw(st.text()),
        draw(st.text()),
        labels,
    )


@given(any_metadata())
def test_round_trip(metadata: Metadata) -> None:
    props = metadata.to_props()
    assert Metadata.from_props(props) == metadata
    assert list(props) == sorted(props)
    assert all(value.isascii() for value in props.values())
    for value in props.values():
        assert json.dumps(json.loads(value), sort_keys=True) == value


def test_keys() -> None:
    keys = ["format", "initializers_digest", "interface", "labels", "preprocessing", "specification", "weights_digest"]
    assert list(SAMPLE.to_props()) == [f"resnet_export.{key}" for key in keys]


def test_keys_of_a_network() -> None:
    """It stands in place of the specification."""
    keys = {key.removeprefix(PREFIX) for key in OF_A_NETWORK.to_props()}
    assert "network" in keys
    assert "specification" not in keys
    assert OF_A_NETWORK.canonical == EVERYTHING
    assert SAMPLE.canonical == ResNetSpec(depth=18, num_classes=2).canonical
    assert (SAMPLE.title, OF_A_NETWORK.title) == ("ResNet-18", "network")


def test_other_keys_are_not_ours() -> None:
    assert Metadata.from_props(SAMPLE.to_props() | {"note": "of someone else", "author": "{"}) == SAMPLE


def refused(props: dict[str, str]) -> ModelError:
    with pytest.raises(ModelError) as caught:
        Metadata.from_props(props)
    assert caught.value.exit_code == 3
    assert caught.value.hint
    return caught.value


def test_a_file_of_someone_else() -> None:
    for props in ({}, {"author": "someone"}):
        assert refused(props).message == (
            "The file has no resnet_export metadata: it was not written by resnet-export."
        )


def test_a_later_format() -> None:
    error = refused(SAMPLE.to_props() | {f"{PREFIX}format": str(FORMAT + 1)})
    assert error.message == f"The file's metadata has format {FORMAT + 1}, and this release reads format {FORMAT}."
    assert error.hint == "Update with: pip install --upgrade resnet-export"


@pytest.mark.parametrize("key", sorted(SAMPLE.to_props().keys() - {f"{PREFIX}labels"}))
def test_a_missing_key(key: str) -> None:
    error = refused({name: value for name, value in SAMPLE.to_props().items() if name != key})
    assert error.message.startswith("The file's resnet_export metadata is damaged (KeyError: ")


def damaged(change: Callable[[dict[str, Any]], None]) -> dict[str, str]:
    """The metadata of a network after `change` of its JSON."""
    props = OF_A_NETWORK.to_props()
    network = json.loads(props[f"{PREFIX}network"])
    change(network)
    return props | {f"{PREFIX}network": json.dumps(network)}


@pytest.mark.parametrize(
    "change",
    [
        lambda network: network["steps"].pop(1),
        lambda network: network["steps"].reverse(),
        lambda network: network["steps"][1].update(op="NoSuchOperator"),
        lambda network: network["steps"][1]["attributes"].pop("strides"),
        lambda network: network["steps"][1]["attributes"].update(strides=[0, 0]),
        lambda network: network["steps"][1]["attributes"].update(strides=[2]),
        lambda network: network["steps"][1]["attributes"].update(strides="2"),
        lambda network: network["steps"][1]["parameters"].update(weight=[8, 3]),
        lambda network: network["steps"][7]["attributes"].update(shape=[7, 7]),
        lambda network: network["steps"][6]["attributes"].update(axis=9),
        lambda network: network.update(outputs=[]),
        lambda network: network.update(outputs=["missing"]),
        lambda network: network.update(image=[3, 9]),
        lambda network: network.pop("steps"),
    ],
)
def test_a_damaged_network(change: Callable[[dict[str, Any]], None]) -> None:
    assert refused(damaged(change)).message.startswith("The file's resnet_export metadata is damaged (")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("specification", "{"),
        ("specification", "[]"),
        ("specification", '{"depth": 19}'),
        ("specification", '{"colour": "red"}'),
        ("interface", '{"opset": 12}'),
        ("interface", "null"),
        ("preprocessing", '{"resize": 1}'),
        ("preprocessing", "3"),
        ("format", '"one"x'),
        ("labels", "7"),
        ("labels", "[" * 100_000),
    ],
)
def test_damage(key: str, value: str) -> None:
    error = refused(SAMPLE.to_props() | {f"{PREFIX}{key}": value})
    assert error.message.startswith("The file's resnet_export metadata is damaged (")
    assert error.hint == "Export the network again."


@given(key=st.sampled_from(sorted({**SAMPLE.to_props(), **OF_A_NETWORK.to_props()})), value=st.recursive(
    st.none() | st.booleans() | st.integers(-9, 99) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=4,
))  # fmt: skip
def test_no_damage_escapes_as_another_error(key: str, value: Any) -> None:
    props = SAMPLE.to_props() | {key: json.dumps(value)}
    try:
        Metadata.from_props(props)
    except ModelError:
        return


def test_the_digest_of_the_initializers_sees_every_change(make: Maker, tiny: ResNetSpec) -> None:
    model, metadata = make.model(tiny)
    original = initializers_digest(model)
    assert metadata.initializers_digest == original
    assert len(original) == 64

    name = "layer3.1.conv2.bias"
    value = model.graph.initializers[name]
    assert value.const_value is not None
    array = value.const_value.numpy().copy()
    array[5] = np.nextafter(array[5], np.float32(9))
    value.const_value = ir.Tensor(array, name=name)
    assert initializers_digest(model) != original

    again, _ = make.model(tiny)
    assert initializers_digest(again) == original
    first = again.graph.initializers.pop(name)
    first.name = "another.name"
    again.graph.initializers["another.name"] = first
    assert initializers_digest(again) != original
