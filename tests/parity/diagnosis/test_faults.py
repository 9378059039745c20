"""What the errors of a whole network are the mark of, and what reduced precision may do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from resnet_export import ResNetSpec, Weights
from resnet_export.graph.foreign import ImageInput
from resnet_export.images import Preprocessing
from resnet_export.network.evaluation import evaluate
from resnet_export.parity.diagnosis.bisect import bisect
from resnet_export.parity.gate.evaluation import activate
from resnet_export.parity.gate.gate import TOLERANCES, compare
from resnet_export.parity.gate.inputs import random_inputs
from resnet_export.runtimes.session import Session
from resnet_export.weights.initial import trained_like

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

SPEC = ResNetSpec(depth=18, num_classes=10, width=8, image_size=32)
WEIGHTS = Weights(SPEC, trained_like(SPEC, seed=3))
INPUTS = random_inputs(ImageInput("input", "float32", "nchw", 3, 32, 32, None), Preprocessing.default(3, 32))


def keep_bits(values: NDArray[Any], bits: int) -> NDArray[np.float32]:
    """Rounds to `bits` of significand."""
    mantissa, exponent = np.frexp(values.astype(np.float64))
    return np.asarray(np.ldexp(np.round(mantissa * 2**bits) / 2**bits, exponent), np.float32)


class Rounding(Session):
    """The truth, with what comes out of every layer changed."""

    name = "rounding"
    shows_values = True

    def __init__(self, change: Callable[[str, NDArray[Any]], NDArray[Any]]) -> None:
        self._change = change

    def run(self, images: NDArray[Any]) -> NDArray[Any]:
        return self.values(images, ["fc"])["fc"]

    def values(self, images: NDArray[Any], names: Sequence[str]) -> dict[str, NDArray[Any]]:
        shown = {}
        for step, value in evaluate(SPEC.canonical, WEIGHTS, images):
            changed = self._change(step.op, value)
            value[...] = changed  # what follows is computed from it
            shown[step.name] = changed.astype(np.float32)
        return {name: shown[name] for name in names if name in shown}


@pytest.mark.parametrize(("bits", "precision"), [(11, "TF32 or float16"), (8, "bfloat16")])
def test_a_reduced_precision_is_recognised(bits: int, precision: str) -> None:
    session = Rounding(lambda op, value: keep_bits(value, bits) if op == "Conv" else value)
    found = bisect(session, SPEC.canonical, WEIGHTS, INPUTS, INPUTS.exact[:1])
    assert found.first_wrong == "conv1"
    assert found.cause is not None
    assert found.cause.endswith(f"it multiplies in {precision}")


def test_an_overflow_is_recognised() -> None:
    session = Rounding(lambda op, value: np.where(value > 1.5, np.inf, value) if op == "Add" else value)
    with np.errstate(invalid="ignore"):
        found = bisect(session, SPEC.canonical, WEIGHTS, INPUTS, INPUTS.exact[:1])
    assert (found.first_wrong, found.cause) == ("layer1.0.add", "values overflow: float16 ends at 65504")


def test_float32_is_no_pattern() -> None:
    found = bisect(Rounding(lambda op, value: keep_bits(value, 24)), SPEC.canonical, WEIGHTS, INPUTS, INPUTS.exact[:2])
    assert (found.first_wrong, found.cause) == (None, None)
    assert not any(layer.wrong for layer in found.layers)


@pytest.mark.parametrize("precision", TOLERANCES)
def test_a_reduced_precision_is_held_to_its_own_tolerance(precision: Any) -> None:
    truth = np.array([[8.0, 1.0, 0.0]])
    tolerance = TOLERANCES[precision]
    assert tolerance.reason
    for share, passed in ((0.9, True), (1.1, False)):
        found = truth + np.array([[0.0, 0.0, share * tolerance.relative * 8.0]])
        assert compare("some", "random", "logits", found, truth, 0.0, precision=precision).passed is passed
        assert not compare("some", "random", "logits", found, truth, 0.0).passed, "float32 has no tolerance"


def test_softmax_sums_to_one_and_keeps_the_order() -> None:
    logits = np.random.default_rng(0).standard_normal((4, 10)) * 50
    found = activate(logits, "softmax")
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert (found.argsort(axis=1)[:, -1] == logits.argsort(axis=1)[:, -1]).all()
    assert np.isfinite(activate(np.array([[1e4, -1e4]]), "softmax")).all()
