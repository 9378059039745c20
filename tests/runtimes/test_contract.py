"""What every runtime promises, on every kind of file: the same tests for all."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest

from resnet_export.errors import MissingDependencyError, ModelError, RuntimeFailedError
from resnet_export.runtimes import find, open_session, parse_runtime
from resnet_export.targets import SUFFIXES, write

from .agreement import ROUNDING, VALUES, difference, differences, images_for, reference, values_differences

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from resnet_export.spec import ResNetSpec


@dataclass(frozen=True)
class Traits:
    """What is particular to a runtime."""

    probe: str
    """A pattern of what its probe says."""
    module: str
    """The one that it imports, and that a test takes away."""
    batches: tuple[int, ...] = (1, 2, 7, 1)
    takes_file_input: bool = True
    shows_values: bool = False
    checks_images: bool = True
    """Whether this package looks at the images, since the runtime does not."""


TRAITS = {
    "openvino": Traits(r"openvino \d+\.\d+\.\d+, CPU: \S.*", "openvino", shows_values=True, checks_images=False),
    "opencv": Traits(r"opencv 5\.\d+\.\d+, CPU", "cv2", shows_values=True),
    "tract": Traits(r"tract \d+\.\d+\.\d+, CPU", "tract", shows_values=True),
    "mnn": Traits(r"mnn \d+\.\d+\.\d+, CPU", "MNN"),
    "ncnn": Traits(r"ncnn [\d.]+ with pnnx \d+, CPU", "ncnn", batches=(1, 1)),
    "litert": Traits(r"litert \d+\.\d+\.\d+, CPU", "ai_edge_litert.interpreter", takes_file_input=False),
}
REFUSED = {
    ("ncnn", "uint8"): "it takes uint8 images, and ncnn float32 only",
    ("ncnn", "nhwc uint8"): "it takes uint8 images, and ncnn float32 only",
    ("ncnn", "batch of 4"): "it takes 4 images a run, and ncnn one",
    ("ncnn", "any size"): "it leaves the size of its images open, and pnnx needs it",
}


def those(holds: Callable[[Traits], bool]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("runtime", [name for name, traits in TRAITS.items() if holds(traits)])


@those(lambda traits: traits.takes_file_input)
def test_every_variant_at_every_batch_is_right_or_refused(runtime: str, variant: Path) -> None:
    if (runtime, variant.stem) in REFUSED:
        refusal = re.escape(f"{runtime} cannot load {variant.name}: {REFUSED[runtime, variant.stem]}")
        with pytest.raises(ModelError, match=refusal):
            open_session(runtime, variant)
    else:
        assert max(differences(runtime, variant, TRAITS[runtime].batches)) < ROUNDING


@those(lambda traits: traits.takes_file_input)
def test_a_file_with_its_numbers_beside_it(runtime: str, plain: Path, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    onnx.save_model(onnx.load(plain), path, save_as_external_data=True, location="numbers.bin", size_threshold=0)
    assert max(differences(runtime, path, TRAITS[runtime].batches)) < ROUNDING


@those(lambda traits: traits.takes_file_input)
def test_a_file_that_does_not_say_which_shape_its_output_has(runtime: str, plain: Path, tmp_path: Path) -> None:
    model = onnx.load(plain)
    model.graph.output[0].type.tensor_type.ClearField("shape")
    onnx.save_model(model, path := tmp_path / "net.onnx")
    assert max(differences(runtime, path, TRAITS[runtime].batches)) < ROUNDING


@those(lambda traits: not traits.takes_file_input)
@pytest.mark.parametrize("variant", ["nhwc uint8", "probabilities"], indirect=True)
def test_normalised_images_give_logits_whatever_the_file_takes_and_gives(
    runtime: str, variant: Path, plain: Path
) -> None:
    """The plain file is converted in `test_an_artefact_gives_what_the_file_gives`."""
    with open_session(f"{runtime},threads=1", variant) as session:
        assert not session.takes_file_input
        for batch in TRAITS[runtime].batches:
            images = images_for(plain, batch)
            assert difference(session.run(images), reference(plain).run(None, {"input": images})[0]) < ROUNDING


@pytest.mark.parametrize("network", ["tiny", "bottlenecks"])
@pytest.mark.parametrize("runtime", TRAITS)
def test_other_networks(
    runtime: str, network: str, canonical_file: Callable[[ResNetSpec], Path], request: pytest.FixtureRequest
) -> None:
    path = canonical_file(request.getfixturevalue(network))
    assert max(differences(runtime, path, TRAITS[runtime].batches)) < ROUNDING


@those(lambda traits: traits.shows_values)
@pytest.mark.parametrize("variant", ["plain", "nhwc uint8", "batch of 4", "embedding"], indirect=True)
def test_values(runtime: str, variant: Path) -> None:
    found = values_differences(runtime, variant)
    assert found.keys() == set(VALUES) - ({"logits"} if "embedding" in variant.name else set())
    assert max(found.values()) < ROUNDING


@those(lambda traits: traits.takes_file_input and traits.checks_images)
def test_images_that_the_file_does_not_take(runtime: str, plain: Path) -> None:
    wrong: list[NDArray[Any]] = [
        np.zeros((2, 32, 32, 3), "f4"), np.zeros((2, 3, 64, 64), "f4"), np.zeros((2, 3, 32, 32), "u1"),
    ]  # fmt: skip
    message = rf"{runtime} was given .* and the file takes float32 of any x 3 x 32 x 32"
    with open_session(runtime, plain) as session:
        for images in wrong:
            with pytest.raises(RuntimeFailedError, match=message):
                session.run(images)


@those(lambda traits: traits.takes_file_input)
def test_a_bad_file(runtime: str, bad_file: Path) -> None:
    with pytest.raises(ModelError, match=rf"{runtime} cannot load bad\.onnx: \w.{{10,200}}\.\n") as caught:
        open_session(runtime, bad_file)
    assert caught.value.message.endswith(".")


@those(lambda traits: True)
def test_its_probe_says_what_would_run(runtime: str) -> None:
    assert re.fullmatch(TRAITS[runtime].probe, find(runtime).probe())


@those(lambda traits: True)
def test_not_installed(runtime: str, plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, TRAITS[runtime].module, None)
    for ask in (find(runtime).probe, lambda: open_session(runtime, plain)):
        with pytest.raises(MissingDependencyError) as caught:
            ask()
        assert caught.value.hint == f'Install it with: pip install "resnet-export[{runtime}]"'


@pytest.mark.parametrize("runtime", SUFFIXES)
def test_an_artefact_gives_what_the_file_gives(runtime: str, plain: Path, tmp_path: Path) -> None:
    artefact = write(runtime, plain, tmp_path)
    plain_names = {path.name for path in tmp_path.iterdir()}
    assert plain_names == {artefact.name} | ({"plain.bin"} if runtime in ("ncnn", "openvino") else set())
    with parse_runtime(runtime).open(artefact) as session:
        for batch in TRAITS[runtime].batches:
            images = images_for(plain, batch)
            assert difference(session.run(images), reference(plain).run(None, {"input": images})[0]) < ROUNDING
