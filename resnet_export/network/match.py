"""A network that was read is walked in lock step with the one that it should be.

The first step that differs is named in the error, with the mistake that it is the mark of.
"""

from resnet_export.errors import StructureError
from resnet_export.network import IMAGE, Network, Step

REORDERING = frozenset({"Concat", "Gather", "Slice"})
MOVING = REORDERING | {"Pad", "Reshape", "Transpose"}
"""Operators that compute nothing."""


def match(found: Network, expected: Network) -> dict[str, str]:
    """Which step of `found` each step of `expected` is: name -> name. Where a reading broke off, it has no outputs.

    Raises:
        StructureError: they are different networks; names the first layer that differs.
    """
    if found.image != expected.image:
        raise StructureError(expected.steps[0].name, f"it takes images of {found.image} and not of {expected.image}.")
    values = {IMAGE: IMAGE}
    for step in expected.steps:
        candidate = _find(step, found, expected, values)
        _check(candidate, step, expected)
        values[step.name] = candidate.name
    taken = set(values.values())
    surplus = [step.op for step in found.steps if step.name not in taken]
    if surplus or found.outputs != tuple(values[name] for name in expected.outputs):
        more = ", ".join(surplus[:3]) or "other outputs"
        raise StructureError(expected.output, f"the graph has more than the specification: {more}.")
    del values[IMAGE]
    return values


def _find(step: Step, found: Network, expected: Network, values: dict[str, str]) -> Step:
    """The step of `found` that takes the same inputs and has the same operator; of several the most alike."""
    users = found.users.get(values[step.inputs[0]], ())
    candidates = _candidates(step, users, expected, values)
    if candidates:
        return max(candidates, key=lambda user: (_alike(user, step), user.name == step.name))
    behind = _operators_behind(found, values[step.inputs[0]])
    stands = ", ".join(sorted({user.op for user in users})) or "nothing"
    layer = layer_of(step, expected)
    if step.op == "BatchNormalization":
        detail = f"it has no batch norm {step.name} behind it; the graph has {stands}."
        raise StructureError(layer, detail, cause="the batch norm was left out")
    if step.op in ("Add", "Relu") and "BatchNormalization" in behind:
        # A second batch norm belongs to the layer before the sum or ReLU that should stand here.
        layer = layer_of(expected.step[step.inputs[0]], expected)
    inputs = " and ".join(step.inputs)
    raise StructureError(
        layer,
        f"the specification has {step.name}, {step.op} of {inputs}, here; the graph has {stands}.",
        cause=cause_of_operator(step, behind),
    )


def _candidates(step: Step, users: tuple[Step, ...], expected: Network, values: dict[str, str]) -> list[Step]:
    """Those of `users` that may be `step`: not one that is exactly another step of the same inputs."""
    sources = {values[name] for name in step.inputs}
    others = [other for other in expected.users[step.inputs[0]] if other != step and other.op == step.op]
    same = [user for user in users if user.op == step.op and set(user.inputs) == sources]
    return [user for user in same if not any(_alike(user, other) > max(_alike(user, step), 1) for other in others)]


def _alike(found: Step, step: Step) -> int:
    return (found.attributes == step.attributes) + (found.parameters == step.parameters)


def _check(found: Step, step: Step, expected: Network) -> None:
    layer = layer_of(step, expected)
    for name in sorted(step.attributes.keys() | found.attributes.keys()):
        has, wanted, what = found.attributes.get(name), step.attributes.get(name), name
        if has == wanted:
            continue
        cause = cause_of_attribute(step, name)
        if name == "epsilon":
            cause, what = f"batch norm with eps {has:.3g}", f"the eps of {step.name}"
            has, wanted = f"{has:.7g}", f"{wanted:.7g}"
        raise StructureError(layer, f"{what} is {has} in the graph and {wanted} in the specification.", cause=cause)
    if found.parameters != step.parameters:
        surplus = found.parameters.keys() - step.parameters.keys()
        detail = f"it has a {', '.join(sorted(surplus))} more" if surplus else "its numbers have other shapes"
        shapes = ", ".join(f"{role} {shape}" for role, shape in step.parameters.items())
        raise StructureError(layer, f"{detail} than the specification's {shapes}.")


def layer_of(step: Step, network: Network) -> str:
    """The layer that a step belongs to: of a batch norm, the convolution before it."""
    before = network.step.get(step.inputs[0])
    folded = step.op == "BatchNormalization" and before is not None and before.op in ("Conv", "Gemm")
    return before.name if folded and before is not None else step.name


def _operators_behind(network: Network, name: str) -> set[str]:
    """The operators that take a value, and those behind them as far as they only move numbers about."""
    found: set[str] = set()
    ahead = list(network.users.get(name, ()))
    while ahead:
        step = ahead.pop()
        found.add(step.op)
        if step.op in MOVING:
            ahead += network.users.get(step.name, ())
    return found


def cause_of_operator(step: Step, found: set[str]) -> str | None:
    """The mistake that puts the operators `found` where `step` should stand."""
    if step.op == "Relu":
        return "a batch norm was applied twice" if "BatchNormalization" in found else "a ReLU is missing"
    if step.inputs == (IMAGE,) and found & REORDERING:
        return "the channels of the image were put in another order"
    if "Pad" in found:
        return "padding that is not the specification's, such as SAME padding"
    if "BatchNormalization" in found:
        return "a batch norm was applied twice, or where none belongs"
    return None


def cause_of_attribute(step: Step, name: str) -> str | None:
    """The mistake that changes an attribute."""
    if name == "pads":
        return f"SAME padding of the {'max pool' if step.op == 'MaxPool' else 'convolution'}"
    if name == "strides" and step.op == "Conv":
        return "the stride stands on another convolution of the block"
    return None
