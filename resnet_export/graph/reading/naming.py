"""Names of steps: those of the modules or layers that own their parameters."""

import itertools
import re
from collections.abc import Container, Iterable, Iterator

AUTOMATIC = re.compile(
    r"(batch_normalization|conv2d|conv2d_transpose|dense|depthwise_conv2d|group_normalization|layer_normalization|"
    r"normalization|prelu|rescaling|separable_conv2d|unit_normalization)(_\d+)?"
)
"""Names that Keras gives by itself to layers, numbered as they are made in a process."""
MODELS = re.compile(r"(functional|model|sequential)(_\d+)?")
"""Names that Keras gives by itself to models."""
WRAPPED = re.compile(r"\.parametrizations\.\w+$")
"""Where PyTorch keeps what a parametrization makes of a parameter."""
SUFFIX = re.compile(r"_(weight|bias|gamma|beta|running_mean|running_var|moving_mean|moving_var|W|B)(:0)?$")
"""How the names of parameters end in files of other frameworks."""


def owner_of_all(parameters: Iterable[str]) -> str | None:
    """The first module or layer that owns one of these parameters."""
    return next(filter(None, map(owner_of, parameters)), None)


def owner_of(parameter: str) -> str | None:
    """The module or layer of a parameter; None where its name has no such part.

    `layer1.0.conv1.weight` -> `layer1.0.conv1`; `sequential_3/stem/conv/kernel` -> `stem.conv`
    """
    if "/" in parameter:
        parts = [part for part in parameter.split("/")[:-1] if part and not MODELS.fullmatch(part)]
        return ".".join(parts) or None
    owner = WRAPPED.sub("", parameter.rpartition(".")[0])
    return owner or SUFFIX.sub("", parameter).replace(parameter, "") or None


def unused(name: str, taken: Container[str]) -> str:
    """The name, with a number behind it if another step has it already."""
    return next(found for found in alternatives(name) if found not in taken)


def alternatives(name: str) -> Iterator[str]:
    """The name, and then the name with a number behind it."""
    yield name
    yield from (f"{name}.{count}" for count in itertools.count(1))


def automatic(name: str) -> str | None:
    """The part of an automatic name that doesn't depend on the process, or None: `block_3.conv2d_40` -> `conv2d`."""
    found = AUTOMATIC.fullmatch(name.rpartition(".")[2])
    return None if found is None else found[1]
