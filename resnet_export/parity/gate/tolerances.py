"""How far reduced precision may be from the truth, each with its reason.

    bound = units * 2^-bits * max|truth|

`bits` is the length of the significand. float32 is not in the table: its rule is the gate's, which needs no tolerance.
"""

from dataclasses import dataclass

from resnet_export.runtimes.session import Precision


@dataclass(frozen=True)
class Tolerance:
    """What one precision allows."""

    bits: int
    """Length of the significand, with the hidden bit."""
    units: int
    """Units of rounding that pass, relative to the largest value."""
    reason: str

    @property
    def relative(self) -> float:
        """The largest error that passes, over the largest value of the truth."""
        return self.units * 2.0**-self.bits


TOLERANCES: dict[Precision, Tolerance] = {
    "tf32": Tolerance(11, 8, "11 bits of significand in the products, float32 sums"),
    "float16": Tolerance(11, 8, "11 bits of significand; values above 65504 overflow, and are an error of any size"),
    "bfloat16": Tolerance(8, 8, "8 bits of significand; ResNets on CPUs were measured at 1 unit"),
    "int8": Tolerance(8, 8, "8 bits of a range that calibration chose: a step of rounding decides which of two"),
}
"""8 units are the gate's floor, in units of that precision instead of float32's."""


def allowed(precision: Precision) -> float:
    """The error that passes in a reduced precision, over the largest value of the truth; 0 in float32."""
    return TOLERANCES[precision].relative if precision in TOLERANCES else 0.0
