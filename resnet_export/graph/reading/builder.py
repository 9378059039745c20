"""`Builder`: steps and their numbers, as they are read one after the other."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from resnet_export.graph.reading.naming import owner_of_all, unused
from resnet_export.graph.reading.values import Feature, Number, UnreadableError
from resnet_export.network import BATCH, IMAGE, Network, Step
from resnet_export.network.operators import OPERATORS


class Builder:
    """The network as far as it was read.

    Attributes:
        opset: the version of ONNX's operators that the graph is written in.
        batch: the number of images that the graph is fixed to; None for any.
        mixing: whether images may depend on one another.
        expressions: name of a parameter -> the number that it is.
        repeated: name of an `Expand` -> what it repeats.
    """

    def __init__(self, image: tuple[int, ...], opset: int, batch: int | None = None, *, mixing: bool = False) -> None:
        self.opset, self.batch, self.mixing = opset, batch, mixing
        self.image: Any = image  # three axes, but where a single operator is looked at
        self.steps: dict[str, Step] = {}
        self.expressions: dict[str, Number] = {}
        self.repeated: dict[str, Feature] = {}

    @property
    def source(self) -> Feature:
        """The image. Where images may depend on one another, a fixed number of them is a length like any other."""
        return Feature.of(IMAGE, (self._fixed or BATCH, *self.image))

    @property
    def _fixed(self) -> int | None:
        return self.batch if self.mixing else None

    def network(self, outputs: Sequence[str]) -> Network:
        """What was read, as far as the outputs need it."""
        return Network(self.image, tuple(self.steps.values()), tuple(outputs), self._fixed).until(*outputs)

    def add(
        self,
        op: str,
        inputs: Sequence[Feature],
        attributes: Mapping[str, Any] | None = None,
        parameters: Mapping[str, Number | None] | None = None,
    ) -> Feature:
        """Appends a step.

        Args:
            op: its operator.
            inputs: upright features without pads, or seen alike where the operator works element by element.
            attributes: all that the operator has, of the step's own axes.
            parameters: role -> number; those that are None are left out.

        Returns:
            Its output, upright.

        Raises:
            ValueError: the operator doesn't take these shapes.
        """
        given = {role: number for role, number in (parameters or {}).items() if number is not None}
        shapes = {role: _shape(number) for role, number in given.items()}
        name = self._name(op, given)
        step = Step(name, op, tuple(feature.step for feature in inputs), dict(attributes or {}), shapes)
        shape = OPERATORS[op].shape(step.attributes, [feature.shape for feature in inputs], shapes)
        self.steps[name] = step
        self.expressions |= {step.parameter(role): number for role, number in given.items()}
        return Feature.of(name, shape)

    def refuse_batch(self, x: Feature, axes: Iterable[int]) -> None:
        """Refuses to go over these axes of the step's own where one is that of the images, and these may not mix."""
        if not self.mixing and any(not isinstance(x.shape[axis], int) for axis in axes):
            raise UnreadableError("it goes over the images of the batch")

    def unpadded(self, x: Feature) -> Feature:
        """The feature with its pads added by a step."""
        if x.pads is None:
            return x
        attributes = {"mode": "constant", "pads": sides(x.pads), "value": x.filler}
        return replace(self.add("Pad", [replace(x, pads=None)], attributes), perm=x.perm)

    def settled(self, x: Feature) -> Feature:
        """The feature upright and without pads."""
        x = self.unpadded(x)
        return x if x.upright else self.add("Transpose", [x], {"perm": x.perm})

    def permuted(
        self, op: str, x: Feature, attributes: Mapping[str, Any], parameters: Mapping[str, Number | None] | None = None
    ) -> Feature:
        """The output of a step that works whatever the order of the axes, seen as its input is."""
        x = self.unpadded(x)
        return replace(self.add(op, [x], attributes, parameters), perm=x.perm)

    def _name(self, op: str, parameters: Mapping[str, Number]) -> str:
        owner = owner_of_all(name for number in parameters.values() for name in number.parameters())
        return unused(owner or op.lower(), {IMAGE, *self.steps})


def sides(pads: Sequence[tuple[int, int]]) -> tuple[int, ...]:
    """(before, after) of each axis in ONNX's order: all that is before, then all that is after."""
    return (*(before for before, _ in pads), *(after for _, after in pads))


def _shape(number: Number) -> tuple[int, ...]:
    return tuple(int(size) for size in np.shape(number.value()))
