"""How a file of reduced precision was made, and what was found of it: a part of its metadata."""

from dataclasses import dataclass
from typing import Literal, get_args

Reduced = Literal["int8", "float16"]
REDUCED: tuple[Reduced, ...] = get_args(Reduced)


@dataclass(frozen=True)
class Recipe:
    """What makes the same file again of the same network and the same pictures."""

    precision: Reduced = "int8"
    preset: str | None = None
    """The target, such as `x86-vnni`; None of a file in float16."""
    ranges: str | None = None
    """How the ranges of values were chosen, such as `percentile-99.99`."""
    equalised: bool = False
    """Whether the channels of neighbouring convolutions were equalised."""
    bias_corrected: bool = False
    """Whether the biases make up for the mean error of the weights."""
    additions: bool = True
    """Whether additions compute with integers."""
    kept_float: tuple[str, ...] = ()
    """Layers that stayed in float32."""


@dataclass(frozen=True)
class Share:
    """A share of pictures, with its 95 % interval."""

    value: float
    low: float
    high: float
    pictures: int


@dataclass(frozen=True)
class Quantization:
    """What a file of reduced precision says of itself."""

    recipe: Recipe
    calibration_digest: str | None = None
    """SHA-256 of the prepared pictures that the ranges come from."""
    calibration_pictures: int = 0
    random: bool = False
    """Whether these were random numbers, and no pictures."""
    seed: int = 0
    """Chooses the pictures."""
    agreement: Share | None = None
    """Of held-out pictures those that get the class which float32 gives them."""
    drop: Share | None = None
    """How much less accurate than float32 it is on labelled pictures, as a share of 1."""
    timed: bool = False
    """Whether the interval of its time shows that it is faster on the machine that it is for."""
    refusal: str | None = None
    """Why it would have been refused, where it was kept all the same."""
