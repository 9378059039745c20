"""One order and one set of names for a network, whichever framework it was read from."""

import hashlib
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resnet_export.graph.reading.naming import alternatives, automatic, owner_of_all
from resnet_export.graph.reading.values import Number
from resnet_export.graph.reading.written_norms import written_norm
from resnet_export.network import IMAGE, NORM_ROLES, Network, Step
from resnet_export.network.folding import is_along_channels
from resnet_export.network.operators.elementwise import COMMUTATIVE

Expressions = Mapping[str, Number]
"""Name of a parameter of the network -> the number that it is."""


def canonical(network: Network, expressions: Expressions) -> tuple[Network, dict[str, NDArray[Any]], Mapping[str, str]]:
    """The network and its numbers, with written-out batch norms and biases recognised, in canonical order and names.

    The order is that of a walk back from the outputs, at a commutative operator the longer path first.

    Returns:
        The network; its numbers; name of a step before -> the step that now gives the same.
    """
    network, expressions, moved = simplified(network, expressions)
    network = _ordered(network, expressions)
    names = _names(network, expressions)
    renamed = network.renamed(names)
    pairs = zip(network.steps, renamed.steps, strict=True)
    numbers = {
        new.parameter(role): _contiguous(expressions[old.parameter(role)].value())
        for old, new in pairs
        for role in old.parameters
    }
    same = {old: new for old, new in names.items() if old not in moved.values()}
    return renamed, numbers, same | {old: names[new] for old, new in moved.items() if new in names}


def simplified(network: Network, expressions: Expressions) -> tuple[Network, Expressions, Mapping[str, str]]:
    """The network and its numbers, with written-out batch norms and biases recognised; sum -> whose bias it became."""
    return _with_biases(*_with_norms(network, expressions))


def _contiguous(array: NDArray[Any]) -> NDArray[Any]:
    return np.ascontiguousarray(array, array.dtype.newbyteorder("=")).reshape(array.shape)


def _with_norms(network: Network, expressions: Expressions) -> tuple[Network, dict[str, Number]]:
    """A product and a sum that are a batch norm become one step."""
    found, steps = dict(expressions), dict(network.step)
    for step in network.steps:
        scaled = steps.get(step.inputs[0]) if step.op == "Add" and "right" in step.parameters else None
        alone = scaled is not None and network.has_one_use(scaled.name)
        if scaled is None or not alone or scaled.op != "Mul" or "right" not in scaled.parameters:
            continue
        scale, shift = found[scaled.parameter("right")], found[step.parameter("right")]
        norm = written_norm(scale, shift)
        if norm is None or not all(_has_one_for_each_channel(network, one) for one in (scaled, step)):
            continue
        channels = int(np.prod(step.parameters["right"]))
        ones, zeros = (Number.constant(np.full(channels, value, np.float32)) for value in (1, 0))
        numbers = (norm.gamma or ones, norm.beta or zeros, norm.mean, norm.variance)
        if any(number.value().size != channels for number in numbers):
            continue
        roles = dict(zip(NORM_ROLES, (number.vector() for number in numbers), strict=True))
        steps[step.name] = Step(
            step.name, "BatchNormalization", scaled.inputs, {"epsilon": norm.epsilon}, dict.fromkeys(roles, (channels,))
        )  # fmt: skip
        found |= {step.parameter(role): number for role, number in roles.items()}
        del steps[scaled.name]
    return replace(network, steps=tuple(steps.values())), found


def _with_biases(network: Network, expressions: Expressions) -> tuple[Network, dict[str, Number], Mapping[str, str]]:
    """A number per channel that is added to a convolution, and to nothing else of it, becomes its bias."""
    found, steps, moved = dict(expressions), dict[str, Step](), dict[str, str]()
    for step in network.steps:
        step = replace(step, inputs=tuple(moved.get(name, name) for name in step.inputs))
        if "bias" in step.parameters and step.op in ("Conv", "Gemm"):
            bias = found[step.parameter("bias")]
            if bias.is_constant and not bias.value().any():  # PyTorch writes a bias of zeros where there is none
                step = replace(step, parameters={"weight": step.parameters["weight"]})
        before = steps.get(step.inputs[0])
        bare = before is not None and before.op in ("Conv", "Gemm") and "bias" not in before.parameters
        alone = bare and step.op == "Add" and "right" in step.parameters and network.has_one_use(step.inputs[0])
        if before is not None and alone and _has_one_for_each_channel(network, step):
            out = before.parameters["weight"][0]
            steps[before.name] = replace(before, parameters={**before.parameters, "bias": (out,)})
            found[before.parameter("bias")] = found[step.parameter("right")].vector()
            moved[step.name] = before.name
        else:
            steps[step.name] = step
    outputs = tuple(moved.get(name, name) for name in network.outputs)
    return replace(network, steps=tuple(steps.values()), outputs=outputs), found, moved


def _has_one_for_each_channel(network: Network, step: Step) -> bool:
    channels = network.shapes[step.name][1:2]
    return is_along_channels(network, step) and channels == (math.prod(step.parameters["right"]),)


def _ordered(network: Network, expressions: Expressions) -> Network:
    depths, digests, steps = {IMAGE: 0}, {IMAGE: IMAGE}, dict[str, Step]()
    numbered = {IMAGE: ""}

    def rank(name: str) -> tuple[int, str]:
        return -depths[name], digests[name]

    def exact(name: str) -> str:
        """A digest of the numbers on the way to a value: it decides where the structure does not."""
        for step in _post_order(steps, (name,)):
            if step.name not in numbered:
                sha = hashlib.sha256()
                for parameter in step.names:
                    sha.update(np.ascontiguousarray(expressions[parameter].value()).tobytes())
                digest = sha.hexdigest() + "".join(numbered[one] for one in step.inputs)
                numbered[step.name] = hashlib.sha256(digest.encode()).hexdigest()
        return numbered[name]

    for step in network.steps:
        inputs = list(step.inputs)
        if step.op in COMMUTATIVE and len(inputs) == 2:
            tied = rank(inputs[0]) == rank(inputs[1]) and inputs[0] != inputs[1]
            inputs.sort(key=lambda name: (*rank(name), exact(name)) if tied else rank(name))
        steps[step.name] = replace(step, inputs=tuple(inputs))
        depths[step.name] = 1 + max(depths[name] for name in inputs)
        facts = (step.op, sorted(step.attributes.items()), list(step.parameters.items()), [digests[n] for n in inputs])
        digests[step.name] = hashlib.sha256(repr(facts).encode()).hexdigest()
    return replace(network, steps=tuple(_post_order(steps, network.outputs)))


def _post_order(steps: Mapping[str, Step], outputs: tuple[str, ...]) -> Iterator[Step]:
    """Each step behind what it takes, from its first input to its last."""
    seen = {IMAGE}
    left = [(name, False) for name in reversed(outputs)]
    while left:
        name, ready = left.pop()
        if ready:
            yield steps[name]
        elif name not in seen:
            seen.add(name)
            left.append((name, True))
            left += [(source, False) for source in reversed(steps[name].inputs)]


def _names(network: Network, expressions: Expressions) -> dict[str, str]:
    """Name -> canonical name: the owner of the parameters; what has none, or an automatic name, is numbered."""
    found: dict[str, str] = {}
    taken, numbers = {IMAGE}, Counter[str]()
    for step in network.steps:
        owner = owner_of_all(name for own in step.names for name in expressions[own].parameters())
        base = step.op.lower() if owner is None else automatic(owner)
        if base is not None:
            owner = f"{base}_{numbers[base]}"
            numbers[base] += 1
        assert owner is not None, "what has no owner is numbered"
        found[step.name] = next(name for name in alternatives(owner) if taken.isdisjoint(_values(name, step)))
        taken |= _values(found[step.name], step)
    return found


def _values(name: str, step: Step) -> set[str]:
    """What the file calls the value and the numbers of a step of that name: `fuse`, `fuse.right`."""
    return {name, *(f"{name}.{role}" for role in (*step.parameters, *step.attributes))}
