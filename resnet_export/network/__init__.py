"""Networks as data: a `Network` is a tuple of steps, each an ONNX operator, from the image to the named outputs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

from resnet_export.network.sizes import BATCH, Shape, Size, concrete, described, product

__all__ = [
    "BATCH", "IMAGE", "NORM_ROLES", "ROLES", "Network", "Shape", "Size", "Step", "concrete", "described", "product",
]  # fmt: skip

IMAGE = "input"
"""The name of the value that the first step takes."""
NORM_ROLES = ("weight", "bias", "running_mean", "running_var")
"""What the numbers of a batch norm are, in their order."""
ROLES = (*NORM_ROLES, "scale", "zero_point", "left", "right")
"""What the numbers of a step can be, in the order in which its operator takes them."""
STATISTICS = ("running_mean", "running_var")
"""Roles of the numbers that a training does not learn by gradients."""


@dataclass(frozen=True)
class Step:
    """One operator. Its output has its name."""

    name: str
    """Such as `layer1.0.conv1`."""
    op: str
    """The ONNX operator, in the meaning of opset 18; one of `network.operators.OPERATORS`."""
    inputs: tuple[str, ...]
    """Names of the steps whose outputs it takes, in order; the image is `input`."""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    """Every attribute that the operator has, so that equal steps have equal ones."""
    parameters: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Role -> shape of its numbers, such as `weight`; their names are `<name>.<role>`."""
    parts: tuple[Step, ...] = ()
    """The steps that it stands for, in their order, where batch norms were folded into it."""

    def parameter(self, role: str) -> str:
        """The name of one of its numbers."""
        return f"{self.name}.{role}"

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its numbers, in the order of their roles."""
        return tuple(map(self.parameter, self.parameters))


@dataclass(frozen=True)
class Network:
    """What is computed of an image, in topological order."""

    image: tuple[int, int, int]
    """(channels, height, width) of the image."""
    steps: tuple[Step, ...]
    outputs: tuple[str, ...]
    """Names of the steps whose outputs the network gives; the first is what classifies."""
    batch: int | None = None
    """The number of images that it takes; None for any."""

    @property
    def output(self) -> str:
        """The step that classifies."""
        return self.outputs[0]

    @cached_property
    def shapes(self) -> Mapping[str, Shape]:
        """Name -> shape of the image and of every step's output, with `BATCH` where any number of images is taken.

        Raises:
            ValueError: a step takes what no step before it gives, or shapes that its operator doesn't take.
        """
        from resnet_export.network.operators import OPERATORS  # which need NumPy; names and parameters don't

        found: dict[str, Shape] = {IMAGE: (self.batch or BATCH, *self.image)}
        for step in self.steps:
            if not found.keys() >= {*step.inputs}:
                raise ValueError(f"{step.name} takes {', '.join(step.inputs)}, not all of which is given before it")
            inputs = [found[name] for name in step.inputs]
            found[step.name] = OPERATORS[step.op].shape(step.attributes, inputs, step.parameters)
        return MappingProxyType(found)

    @cached_property
    def step(self) -> Mapping[str, Step]:
        """Name -> step."""
        return MappingProxyType({step.name: step for step in self.steps})

    @cached_property
    def users(self) -> Mapping[str, tuple[Step, ...]]:
        """Name of a value -> the steps that take it."""
        found: dict[str, list[Step]] = {}
        for step in self.steps:
            for name in dict.fromkeys(step.inputs):
                found.setdefault(name, []).append(step)
        return MappingProxyType({name: tuple(steps) for name, steps in found.items()})

    def has_one_use(self, name: str) -> bool:
        """Whether a value is taken by one step, and given by no output."""
        return len(self.users.get(name, ())) == 1 and name not in self.outputs

    @cached_property
    def parameters(self) -> Mapping[str, tuple[int, ...]]:
        """Name -> shape of every number, in the order of the steps."""
        return MappingProxyType(
            {step.parameter(role): shape for step in self.steps for role, shape in step.parameters.items()}
        )

    @property
    def trainable_parameters(self) -> int:
        """Number of scalars that a training learns: all but the running statistics."""
        return sum(math.prod(shape) for name, shape in self.parameters.items() if not name.endswith(STATISTICS))

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds for one image."""
        return sum(self.multiply_adds_of(step) for step in self.steps)

    def multiply_adds_of(self, step: Step) -> int:
        """Multiply-adds of one step for one image; 0 where it only adds, compares or moves."""
        from resnet_export.network.operators import OPERATORS

        inputs = [concrete(self.shapes[name], 1) for name in step.inputs]
        return OPERATORS[step.op].multiply_adds(concrete(self.shapes[step.name], 1), inputs, step.parameters)

    @cached_property
    def mixes_images(self) -> bool:
        """Whether something depends on more than one image, so that all have to be evaluated together."""
        return self.batch is not None or any(shape[:1] != (BATCH,) for shape in self.shapes.values())

    @property
    def classes(self) -> int:
        """Length of the first output's last axis; of several axes, of their product."""
        size = product(self.shapes[self.output][1:])
        assert isinstance(size, int), "the batch is axis 0"
        return size

    def until(self, *outputs: str) -> Network:
        """The network that ends with these steps."""
        needed, left = set[str](), list(outputs)
        while left:
            name = left.pop()
            if name != IMAGE and name not in needed:
                needed.add(name)
                left += self.step[name].inputs
        return replace(self, steps=tuple(step for step in self.steps if step.name in needed), outputs=outputs)

    def renamed(self, names: Mapping[str, str]) -> Network:
        """The same with other names of steps; what is not among `names` keeps its own."""

        def of(name: str) -> str:
            return names.get(name, name)

        steps = tuple(replace(step, name=of(step.name), inputs=tuple(map(of, step.inputs))) for step in self.steps)
        return replace(self, steps=steps, outputs=tuple(map(of, self.outputs)))
