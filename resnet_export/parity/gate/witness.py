"""The source's own run, held against the network that was read from it: no converter can vouch for itself."""

from collections.abc import Iterator

import numpy as np

from resnet_export.network.operators.operator import Floats
from resnet_export.parity.gate.evaluation import activate
from resnet_export.parity.gate.gate import SOURCE_FACTOR, floor, max_error
from resnet_export.parity.gate.inputs import InputSet
from resnet_export.parity.gate.judge import Verdict
from resnet_export.parity.model_under_test import ModelUnderTest
from resnet_export.parity.reference.oracles import NetworkOracle, Truths
from resnet_export.parity.results import Quantity
from resnet_export.sources import Trained

IMAGES = 2
"""Images on which the source runs in float64."""
WITNESS = 2.0**-22
"""Distance of the source's own float64 run that passes, over the largest value. Both agree to 1e-14 but for constants
that a converter rounds to float32, such as 1/255, which leave 1e-8."""
READING = "what its converter made of it"
"""What messages call a network that was read."""
OWN_ERROR = 8.0
"""In an ill-conditioned network that rounding grows as its float32 error does, to much less than this share of it."""
CHAOTIC = 0.1
"""Error of a float32 run, over the largest value, beyond which rounding alone decides what a network gives."""


def agrees(found: Floats, truth: Floats) -> bool:
    """Whether a source's own float64 run is the network that was read from it, whatever rounding makes of that."""
    return max_error(found, truth) <= WITNESS * float(np.abs(truth).max(initial=0.0))


def judge_float64(
    verdict: Verdict,
    label: str,
    found: Floats,
    truth: Floats,
    float32_error: float,
    output: str | None = None,
    reading: str = READING,
) -> float:
    """How far one output of the source's own float64 run is from the truth, over the largest value; it is judged."""
    scale = float(np.abs(truth).max(initial=0.0))
    error, allowed = max_error(found, truth), max(WITNESS * scale, float32_error / OWN_ERROR)
    if float32_error > CHAOTIC * scale:
        reading = f"rounding alone decides what the network gives ({float32_error:.3g} in float32), or {reading}"
    _refuse(verdict, f"{label} itself, in float64,", error, allowed, output, reading)
    return error / scale if scale else error


def judge_live(verdict: Verdict, tested: ModelUnderTest, truths: Truths, inputs: InputSet) -> float | None:
    """Runs the live model that a truth was read from, in float64 where it can, and judges each output.

    Returns:
        The largest of the distances that `judge_float64` gives; None where there is no live model, or no float64 run.
    """
    trained, oracle, given = tested.source, tested.oracle, tested.compared
    if trained is None or trained.model is None or tested.wrong is not None:
        return None
    images, label = oracle.images(inputs)[:IMAGES], f"the {trained.model.framework} model"
    double = trained.model.run_float64(images.astype(np.float64))
    found = trained.model.run(images.astype(np.float32)) if double is None else double
    distances = []
    for output, at in _outputs(trained, oracle, given):
        truth, single = (
            truths.of(inputs, given, dtype, output=output, batch=len(images)) for dtype in (np.float64, np.float32)
        )
        if output is None and trained.activation is not None and given != "output":
            truth, single = activate(truth, trained.activation), activate(single, trained.activation)
        if double is None:
            allowed = SOURCE_FACTOR * max(max_error(single, truth), floor(truth))
            _refuse(verdict, f"{label} itself", max_error(found[at], truth), allowed, output)
        else:
            distances.append(judge_float64(verdict, label, found[at], truth, max_error(single, truth), output))
    return max(distances, default=None)


def _outputs(trained: Trained, oracle: NetworkOracle, given: Quantity) -> Iterator[tuple[str | None, int]]:
    """(name of an output, which of the live model's it is); an embedding is none of these."""
    if given != "embedding":
        yield None, trained.positions[0]
    for name, step in oracle.others.items():
        yield name, trained.positions[oracle.network.outputs.index(step)]


def _refuse(
    verdict: Verdict, who: str, error: float, allowed: float, output: str | None, reading: str = READING
) -> None:
    if not error <= allowed:
        where = "" if output is None else f" in its output {output}"
        verdict.failures.append(
            f"{who} is {error:.3g}{where} from the network that was read from it ({allowed:.3g} is allowed): "
            f"{reading} is another network."
        )
