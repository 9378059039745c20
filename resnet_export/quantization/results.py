"""What a quantisation made and found, as immutable, schema-versioned data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from resnet_export.bench.estimate import Estimate
from resnet_export.classify.measures import Check
from resnet_export.data import Plain
from resnet_export.graph.recipe import Quantization, Share

SCHEMA_VERSION = 1
"""Raised when a key changes its meaning or goes."""


@dataclass(frozen=True)
class Candidate:
    """A way to choose ranges or to correct weights that was tried."""

    what: str
    """Such as `percentile-99.99` or `equalised`."""
    sqnr_db: float
    """Of the logits, on pictures that choose."""
    chosen: bool


@dataclass(frozen=True)
class LayerNoise:
    """What 8 bits do to the output of a step."""

    step: str
    op: str
    sqnr_db: float
    """Power of the float32 values over that of the difference, in decibel."""
    added: float
    """Noise over signal, less that of the noisiest value that it takes: what the step itself adds."""


@dataclass(frozen=True)
class RuntimeProof:
    """The file in one runtime."""

    runtime: str
    version: str
    agreement: Share | None
    """Of held-out pictures those that get float32's class; None where none were held out, or it failed."""
    ratio: Estimate | None
    """Its time over that of float32; None where it was not timed."""
    float_ms: float | None = None
    reduced_ms: float | None = None
    integer: tuple[str, ...] | None = None
    """Layers that this runtime computes with integers; None where it doesn't tell."""
    floating: tuple[str, ...] = ()
    """Quantised layers that it computes in floating point all the same."""
    floating_share: float = 0.0
    """Their share of the multiply-adds of all quantised layers."""
    why: str | None = None
    """What is known to keep them there."""
    error: str | None = None
    """Why it could not run the file."""


@dataclass(frozen=True)
class Attempt:
    """A file with some layers in float32, on the labelled pictures."""

    kept_float: tuple[str, ...]
    drop: Estimate
    """How much less accurate than float32, as a share of 1."""
    status: str
    ratio: Estimate | None = None
    """Its time over that of float32; None for another machine."""


@dataclass(frozen=True)
class QuantizeReport(Plain):
    """What was made, and whether it is as good as it has to be."""

    DERIVED: ClassVar[tuple[str, ...]] = ("passed",)

    source: str
    path: str
    written: bool
    """Whether the file is there."""
    sha256: str | None
    size: int
    """Bytes of the file."""
    float_size: int
    """Bytes of the same in float32."""
    quantization: Quantization
    """What the file says of itself."""
    reason: str
    """Of the preset."""
    reason_source: str
    candidates: tuple[Candidate, ...]
    layers: tuple[LayerNoise, ...]
    """Every step, in the order of the network."""
    quantised: tuple[str, ...]
    """The layers with integer weights."""
    proofs: tuple[RuntimeProof, ...]
    attempts: tuple[Attempt, ...] = ()
    """Of the search for the layers that have to stay in float32."""
    check: Check | None = None
    """Of `max_drop`."""
    failures: tuple[str, ...] = ()
    """Why it is refused, a sentence each."""
    undecided: str | None = None
    """What the pictures don't tell."""
    pictures_run: int = 0
    """Pictures that went through the network for all of it, float32 and others."""
    notes: tuple[str, ...] = ()
    schema_version: int = SCHEMA_VERSION

    def __str__(self) -> str:
        """`resnet18-int8.onnx: 11,819,402 bytes, 0.25 of float32's`, and why it is refused or undecided."""
        title = f"{self.path}: {self.size:,} bytes, {self.size / self.float_size:.2f} of float32's"
        return "\n".join(
            [title if self.written else f"{title}; not written", *self.failures, *filter(None, [self.undecided])]
        )

    @property
    def passed(self) -> bool:
        """Whether it is as good as it has to be, as far as is known."""
        return not self.failures and self.undecided is None
