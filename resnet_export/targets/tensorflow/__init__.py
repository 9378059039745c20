"""A network as a function of TensorFlow, out of operators that its converter to LiteRT knows.

    function = function_of(network, numbers)
    function(images)            # (N, height, width, channels) -> what the network gives

TensorFlow's convolutions take channels last. A value of four axes therefore stays in that order from operator to
operator, whatever the order in the network, until an operator depends on the network's own order.
"""

from collections.abc import Callable

import numpy as np

from resnet_export.error_text import ORT_RUNS_IT
from resnet_export.errors import NotApplicableError
from resnet_export.network import IMAGE, Network
from resnet_export.network.evaluation import Numbers
from resnet_export.targets.tensorflow.operators import OPERATORS
from resnet_export.targets.tensorflow.values import Call, Tensor, UnknownError, Value

__all__ = ["function_of"]

NOT_NEGATIVE = frozenset({"Abs", "Exp", "HardSigmoid", "Relu", "Sigmoid", "Softmax"})
"""Operators that give nothing below 0."""


def function_of(network: Network, numbers: Numbers) -> Callable[[Tensor], Tensor]:
    """The function of images (N, height, width, channels), with the numbers as constants in float32.

    Raises:
        NotApplicableError: from the function, when it is called: the network has an operator that is not carried over,
            or not in this form; names the step.
    """

    def function(images: Tensor) -> Tensor:
        values = {IMAGE: Value(images, channels_last=True)}
        for step in network.steps:
            own = {role: numbers[step.parameter(role)].astype(np.float32) for role in step.parameters}
            taken = tuple(network.shapes[name] for name in step.inputs)
            call = Call(step.op, own, network.shapes[step.name], taken, _is_not_negative(network, step.inputs[0]))
            try:
                if step.op not in OPERATORS:
                    raise UnknownError
                given = (values[name] for name in step.inputs)
                values[step.name] = OPERATORS[step.op](call, *given, **step.attributes)
            except UnknownError as error:
                what = " ".join((step.op, *error.args))
                raise NotApplicableError(
                    f"{step.name} is {what}, which is not carried over to LiteRT.", hint=ORT_RUNS_IT
                ) from error
        return values[network.output].first

    return function


def _is_not_negative(network: Network, name: str) -> bool:
    """Whether it is known that nothing of a value is below 0."""
    step = network.step.get(name)
    return step is not None and (step.op in NOT_NEGATIVE or (step.op == "Clip" and step.attributes["min"] == 0))
