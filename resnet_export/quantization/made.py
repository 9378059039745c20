"""`Made`: a file of reduced precision before its proof, whatever the precision."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from resnet_export.classify.measures import EvaluateReport
from resnet_export.graph.recipe import Quantization
from resnet_export.quantization.pictures import Part
from resnet_export.quantization.results import Attempt, Candidate, LayerNoise


@dataclass(frozen=True)
class Made:
    """What there is to be proven."""

    quantization: Quantization
    """What the file says of itself, as far as it is known."""
    write: Callable[[Path, Quantization], Path]
    """Writes the file as it is called from outside."""
    held_out: Part | None
    """Pictures on which nothing of it depends."""
    timed: bool
    """Whether its latency on this machine means something."""
    here: bool
    """Whether it is for this machine."""
    reason: str
    """Why it has these types."""
    source: str
    """Where that is said."""
    candidates: tuple[Candidate, ...] = ()
    layers: tuple[LayerNoise, ...] = ()
    quantised: tuple[str, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    evaluated: EvaluateReport | None = None
    """On labelled pictures, beside float32."""
    pictures_run: int = 0
    notes: tuple[str, ...] = ()
