"""The first wrong layer: every step is evaluated in float64 from the inputs that the candidate itself gave to it.

    local error(step) = max |candidate's output - float64 step(candidate's inputs)|

A step is wrong where its local error is more than 4 times that of NumPy's float32 (or of the floor): the rule of
the gate, applied to one layer. Errors do not add up along the network this way, so that the first wrong layer is
the one that is wrong, and not the one where an earlier mistake has grown.

A canonical file names its values after the steps. In any other file the value of a step is the one that comes
closest to it, channels first or last: all values of the graph are looked at, in one run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from resnet_export.graph.access import NHWC_TO_NCHW
from resnet_export.network import IMAGE, Network, Step
from resnet_export.network.evaluation import Numbers, apply, evaluate
from resnet_export.network.operators.operator import Floats
from resnet_export.parity.diagnosis.faults import layer_faults, pattern
from resnet_export.parity.gate.gate import FILE_FACTOR, SUSPICIOUS, allowed, floor, max_error
from resnet_export.parity.gate.inputs import InputSet
from resnet_export.parity.reference.oracles import step_of
from resnet_export.parity.results import Bisection, LayerError, Quantity
from resnet_export.runtimes.session import Precision, Session

Finding = tuple[str, str | None]
"""(first wrong layer, its cause)."""
HEADS: tuple[Quantity, ...] = ("logits", "embedding")
"""The heads' names of the two values that a head can be made of."""
KIN = 0.1
"""Share of the largest value: a value further away than this is another one, and not this one gone wrong."""


def bisect(
    session: Session,
    network: Network,
    numbers: Numbers,
    inputs: InputSet,
    truth: Floats,
    names: Sequence[str] | None = None,
    precision: Precision | None = None,
    outputs: Mapping[str, str] | None = None,
) -> Bisection:
    """Looks at the output of every step.

    Args:
        session: the candidate's; it is asked for all values in one run.
        network: what it should be, folded.
        numbers: those that it should have, before the folding.
        inputs: what to run it on.
        truth: (N, C, H, W), the same images as the network takes them; as many as are to be run.
        names: the values of a graph that is not canonical; None where they are named after the steps.
        precision: in what the file is computed; None for the session's own.
        outputs: what a canonical file calls its outputs behind the first -> the steps that give them.
    """
    images = (inputs.file if session.takes_file_input else inputs.normalised)[: len(truth)]
    shown = _shown(session, images, network, outputs or {}) if names is None else _Values(session.values(images, names))
    slack = allowed(precision or session.precision)
    exact: dict[str, Floats] = {IMAGE: truth}
    layers: list[LayerError] = []
    first: Finding | None = None
    perhaps: Finding | None = None
    behind: set[str] = set()  # what depends on the layer that is perhaps wrong
    known = [
        step for step in network.steps if all(name in numbers for part in step.parts or (step,) for name in part.names)
    ]
    network = network.until(*(step.name for step in known))
    for step, right in evaluate(network, numbers, truth):
        layer = _Layer(step, network, numbers, [exact[name] for name in step.inputs])
        exact[step.name] = local = layer.output(np.float64)
        if not shown.may_have(step.name):
            continue
        rounding = max(max_error(layer.output(np.float32), local), floor(local))
        bound = max(FILE_FACTOR * rounding, slack * float(np.abs(local).max()))
        name, value = shown.nearest(step.name, local)
        error = _layer_error(step, name, value, right, local, bound)
        if behind.intersection(step.inputs):
            behind.add(step.name)
        if not error.wrong:
            if step.name in behind:
                perhaps, behind = None, set()
        elif first is None:
            cause, name, value, sure = _cause(layer, shown, name, value)
            before = None if sure else _cause_before(layer, exact, shown)
            finding, sure = (before, True) if before else (perhaps or (step.name, cause), sure)
            if not sure and perhaps is None:
                behind = {step.name}
            first, perhaps = (finding, None) if sure else (None, finding)
            error = _layer_error(step, name, value, right, local, bound)
        layers.append(error)
        if value is not None and value.shape == local.shape:
            exact[step.name] = value.astype(np.float64)
        elif error.wrong and names is None:
            break  # what is behind it has other shapes too
    wrong, cause = first or perhaps or (None, None)
    return Bisection(session.name, tuple(layers), wrong, cause or (pattern(layers) if wrong is not None else None))


def _shown(session: Session, images: NDArray[Any], network: Network, outputs: Mapping[str, str]) -> _Values:
    """The values of a canonical file, under the names of the steps that give them."""
    given: dict[str, str] = {head: step_of(network, head) for head in HEADS} | dict(outputs)
    values = session.values(images, [*(step.name for step in network.steps if step.name not in given), *given])
    return _Values({given.get(name, name): value for name, value in values.items()}, named=True)


class _Layer(NamedTuple):
    """A step with what it takes."""

    step: Step
    network: Network
    numbers: Numbers
    sources: list[Floats]

    def output(self, dtype: type[np.float64 | np.float32]) -> Floats:
        sources: list[Floats] = [source.astype(dtype) for source in self.sources]  # which `apply` may change
        return apply(self.step, sources, self.numbers, dtype)

    def faults(self) -> Iterator[tuple[str, Floats]]:
        return layer_faults(self.step, self.network, self.numbers, self.sources)


def _layer_error(
    step: Step, name: str | None, value: Floats | None, truth: Floats, local: Floats, bound: float
) -> LayerError:
    error, local_error = (float("inf") if value is None else max_error(value, other) for other in (truth, local))
    return LayerError(step.name, step.op, name, error, float(np.abs(truth).max()), local_error, bound)


class _Values:
    """The values that a candidate shows."""

    def __init__(self, values: Mapping[str, Floats], *, named: bool = False) -> None:
        self._values = values
        self.named = named

    def may_have(self, step: str) -> bool:
        """Whether the step's output is among them; unnamed values have to be looked through."""
        return step in self._values if self.named else True

    def nearest(self, step: str, expected: Floats) -> tuple[str | None, Floats | None]:
        """The step's value with its name; unnamed, the closest of those that could be meant."""
        if self.named:
            return step, self._values[step]
        found = min(
            ((max_error(value, expected), name, value) for name, value in self.like(expected)),
            key=lambda item: item[0],
            default=None,
        )
        if found is None or found[0] > KIN * float(np.abs(expected).max()):
            return None, None
        return found[1], found[2]

    def like(self, expected: Floats) -> Iterator[tuple[str, Floats]]:
        """Those of the same shape, in the order of the axes that `expected` has."""
        for name, value in self._values.items():
            if value.shape == expected.shape:
                yield name, value
            elif value.ndim == 4 and value.transpose(NHWC_TO_NCHW).shape == expected.shape:
                yield name, value.transpose(NHWC_TO_NCHW)


def _cause(
    layer: _Layer, shown: _Values, name: str | None, value: Floats | None
) -> tuple[str | None, str | None, Floats | None, bool]:
    """(known fault whose output the candidate has, name and value of that output, whether this is sure).

    Unsure is what a fused graph looks like too: a value that is nowhere, or one that is an input of the layer.
    """
    for cause, made in layer.faults():
        near = SUSPICIOUS * float(np.abs(made).max())
        if value is not None and max_error(value, made) <= near:
            return cause, name, value, True
        for other_name, other in () if shown.named else shown.like(made):
            if max_error(other, made) <= near:
                unchanged = any(made is source for source in layer.sources)
                return (cause, None, None, False) if unchanged else (cause, other_name, other, True)
    if value is not None and not np.isfinite(value).all():
        return "values overflow: float16 ends at 65504", name, value, True
    return None, name, value, value is not None


def _cause_before(layer: _Layer, exact: Mapping[str, Floats], shown: _Values) -> Finding | None:
    """A fault behind the right output of a convolution: a second batch norm is a node of its own in some graphs."""
    steps = {} if shown.named else {step.name: step for step in layer.network.steps if step.op == "Conv"}
    for position, name in enumerate(layer.step.inputs):
        if name not in steps:
            continue
        convolution = layer._replace(step=steps[name], sources=[exact[source] for source in steps[name].inputs])
        for cause, made in convolution.faults():
            if made.shape != exact[name].shape:
                continue
            sources = [made if index == position else source for index, source in enumerate(layer.sources)]
            output = layer._replace(sources=sources).output(np.float64)
            near = SUSPICIOUS * float(np.abs(output).max())
            if any(max_error(value, output) <= near for _, value in shown.like(output)):
                return name, cause
    return None
