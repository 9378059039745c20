"""What a session makes of the inputs, collected in one go: the session can be closed before anything is compared."""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resnet_export.errors import RuntimeFailedError
from resnet_export.graph.interface import Activation
from resnet_export.parity.gate.gate import max_error
from resnet_export.parity.gate.inputs import InputSet, batched
from resnet_export.parity.results import Inputs, Quantity
from resnet_export.runtimes.session import Placement, Precision, Session

Run = Callable[[NDArray[Any]], NDArray[Any]]
Outputs = Mapping[tuple[Inputs, int], NDArray[Any]]
"""Kind of inputs and batch -> what an output gives, with the batch as its first axis."""
ACTIVATION_TOLERANCE = 8 * 2.0**-24
"""Error of a probability that passes: exp, sum and quotient round once each, and exp's own error is a few units."""


@dataclass(frozen=True)
class Candidate:
    """An evaluation to be held against the truth."""

    label: str
    """What messages call it: `the file`, `the torch model`."""
    open: Callable[[], Session]
    """Opens its session; more than once, where a failure is looked into."""
    open_logits: Callable[[], Session] | None = None
    """Opens a copy of the file that ends with the logits, where its own output is probabilities."""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The outputs of a candidate."""

    candidate: Candidate
    runtime: str
    precision: Precision
    placement: Placement
    quantity: Quantity
    """What the outputs are."""
    outputs: Outputs
    """The first output."""
    batches_left_out: tuple[int, ...]
    """Batches that the runtime does not take."""
    shows_values: bool
    """Whether a session of it can be looked into."""
    activation: Activation | None
    """What makes its probabilities; None where it gives none."""
    activation_error: float | None
    """Largest difference of its probabilities from that of its own logits; None where it gives no such two."""
    version: str
    """What ran, for people."""
    takes_file_input: bool = True
    """Whether what the file does to its input was a part of it."""
    others: Mapping[str, Outputs] = field(default_factory=dict)
    """The outputs behind the first by name, as far as the session shows them."""

    def of(self, output: str | None) -> Outputs:
        """One output; None names the first. Nothing where the session doesn't show it."""
        return self.outputs if output is None else self.others.get(output, {})


def evaluate(
    candidate: Candidate,
    sets: Sequence[InputSet],
    given: Quantity,
    activation: Activation | None = None,
    others: Sequence[str] = (),
) -> Evaluation:
    """Opens a candidate, runs it on every batch of every set, and closes it.

    What is compared are the logits where the file gives probabilities: these are checked against the logits.
    """
    quantity: Quantity = "logits" if given == "probabilities" else given
    with candidate.open() as session, contextlib.ExitStack() as stack:
        run: Run = session.run
        if given == "probabilities" and session.takes_file_input:
            opens = candidate.open_logits
            run = partial(_value, session, "logits") if opens is None else stack.enter_context(opens()).run
        elif given == "embedding" and not session.takes_file_input:
            run = partial(_value, session, "flatten")
        found, left_out = _collect(session, run, sets, others)
        outputs = found.pop(None)
        error = None
        if activation is not None and session.takes_file_input:
            kind, batch = max((key for key in outputs if key[0] == sets[0].kind), key=lambda key: key[1])
            expected = activate(outputs[kind, batch].astype(np.float64), activation)
            error = max_error(session.run(sets[0].file[:batch]), expected)
        return Evaluation(
            candidate=candidate,
            runtime=session.name,
            precision=session.precision,
            placement=session.placement(),
            quantity=quantity,
            outputs=outputs,
            batches_left_out=left_out,
            shows_values=session.shows_values,
            activation=activation,
            activation_error=error,
            version=session.version,
            takes_file_input=session.takes_file_input,
            others={name: values for name, values in found.items() if name is not None},
        )


def _collect(
    session: Session, run: Run, sets: Sequence[InputSet], others: Sequence[str]
) -> tuple[dict[str | None, dict[tuple[Inputs, int], NDArray[Any]]], tuple[int, ...]]:
    """(name of an output -> all that it gave, the batches that the session does not take)."""
    found: dict[str | None, dict[tuple[Inputs, int], NDArray[Any]]] = {None: {}}
    left_out = set()
    for inputs, batch in ((one, batch) for one in sets for batch in one.batches):
        images = (inputs.file if session.takes_file_input else inputs.normalised)[:batch]
        parts = [images]
        if session.batches is not None and batch not in session.batches:
            if inputs.kind != "pictures" or 1 not in session.batches:
                left_out.add(batch)
                continue
            parts = [image[None] for image in images]
        given = [_run(session, run, others, part) for part in parts]
        for name in given[0]:
            found.setdefault(name, {})[inputs.kind, batch] = np.concatenate([one[name] for one in given])
    return found, tuple(sorted(left_out))


def _run(session: Session, run: Run, others: Sequence[str], images: NDArray[Any]) -> dict[str | None, NDArray[Any]]:
    """The first output under None, and the others that the session shows by name."""
    found: dict[str | None, NDArray[Any]] = {None: run(images)}
    if others:
        found.update(session.values(images, others))
    return {name: batched(values, len(images)) for name, values in found.items()}


def activate(logits: NDArray[Any], activation: Activation) -> NDArray[Any]:
    """The probabilities, (N, K, ...) or (K,) like the logits, and in their precision.

    softmax   p_k = exp(x_k) / sum_j exp(x_j)      one of several classes
    sigmoid   p_k = 1 / (1 + exp(-x_k))            one logit, or several labels at once
    """
    from scipy import special

    classes = min(1, logits.ndim - 1)
    found = special.softmax(logits, axis=classes) if activation == "softmax" else special.expit(logits)
    return np.asarray(found)


def _value(session: Session, name: str, images: NDArray[Any]) -> NDArray[Any]:
    """One of its intermediate values."""
    values = session.values(images, [name])
    if name not in values:
        raise RuntimeFailedError(f"{session.name} does not show the value {name}.")
    return values[name]
