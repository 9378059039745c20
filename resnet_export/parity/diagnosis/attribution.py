"""Whose mistake it is: which side is wrong, in which layer, and why."""

from collections.abc import Sequence

import numpy as np

from resnet_export.errors import StructureError
from resnet_export.network import Network
from resnet_export.network.evaluation import Numbers, outputs_of
from resnet_export.network.folding import fold
from resnet_export.network.match import layer_of
from resnet_export.parity.diagnosis.bisect import bisect
from resnet_export.parity.diagnosis.faults import explain, ulps
from resnet_export.parity.gate.evaluation import Candidate
from resnet_export.parity.gate.gate import SOURCE_FACTOR, floor, max_error
from resnet_export.parity.gate.inputs import InputSet
from resnet_export.parity.reference.oracles import NetworkOracle
from resnet_export.parity.results import Bisection, Diagnosis
from resnet_export.runtimes.session import Precision


def attribute_topology(
    source: Candidate, error: StructureError, network: Network, numbers: Numbers, side: str
) -> Diagnosis:
    """Whose mistake a wrong topology is: the model's, when the model is wrong too, else the converter's."""
    images = np.random.default_rng(0).standard_normal((2, *network.image)).astype(np.float32)
    (truth,) = outputs_of(network, numbers, images, [network.output])
    (rounded,) = outputs_of(network, numbers, images, [network.output], np.float32)
    allowed = SOURCE_FACTOR * max(max_error(rounded, truth), floor(truth))
    try:
        with source.open() as session:
            wrong = max_error(session.run(images), truth) > allowed
    except Exception:  # of whatever kind: a model that cannot run one of its own images is the wrong side
        wrong = True
    return Diagnosis.of(error, source.label if wrong else side)


def check_parameters(network: Network, found: Numbers, expected: Numbers) -> None:
    """Checks that a topology comes with exactly the weights that its model was given, under the names of `network`.

    Raises:
        StructureError: names the layer of the first number that differs.
    """
    for name, array in found.items():
        distance = ulps(array, expected[name])
        if distance > 0:
            layer = layer_of(network.step[name.rpartition(".")[0]], network)
            detail = f"{name} differs from the weights by {distance:.3g} ulp"
            raise StructureError(layer, detail, cause=explain(name, array, expected))


def diagnose(
    candidate: Candidate,
    oracle: NetworkOracle,
    inputs: InputSet,
    names: Sequence[str] | None = None,
    precision: Precision | None = None,
) -> tuple[Diagnosis, Bisection]:
    """The first layer of a file that rounding does not explain, and the error layer by layer."""
    with candidate.open() as session:
        network = fold(oracle.network)
        folded = dict(zip(oracle.network.outputs, network.outputs, strict=True))
        outputs = {name: folded[step] for name, step in oracle.others.items()}
        images = oracle.images(inputs)[: min(inputs.batches)]
        found = bisect(session, network, oracle.recall(), inputs, images, names, precision, outputs)
    return describe(found, candidate.label, network.output), found


def diagnose_reading(source: Candidate, oracle: NetworkOracle, inputs: InputSet, side: str) -> Diagnosis:
    """The first step that was read wrong: the source itself makes something else of what that step takes."""
    with source.open() as session:
        images = oracle.images(inputs)[: min(inputs.batches)]
        found = bisect(session, oracle.network, oracle.recall(), inputs, images)
    return describe(found, side, oracle.network.output)


def describe(found: Bisection, side: str, last: str) -> Diagnosis:
    """A bisection in words."""
    if not found.layers:
        return Diagnosis(last, side, "no layer in between can be looked at", None)
    if found.first_wrong is None:
        detail = "each layer by itself is right while its values are shown: what is fused is wrong, or errors add up"
        return Diagnosis(last, side, detail, found.cause)
    layer = next(layer for layer in found.layers if layer.layer == found.first_wrong)
    if layer.value is None:
        return Diagnosis(layer.layer, side, "its output is nowhere in the graph", found.cause)
    detail = (
        f"its output is {layer.local_error:.3g} from what its inputs make in float64 ({layer.bound:.3g} is allowed)"
    )
    return Diagnosis(layer.layer, side, detail, found.cause)
