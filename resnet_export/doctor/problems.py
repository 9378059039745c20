"""What is installed and must not stay so: two ONNX Runtimes at once, and releases known to give wrong files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resnet_export.doctor.report import Problem
from resnet_export.errors import MissingDependencyError
from resnet_export.machine.distributions import onnxruntime_cure
from resnet_export.optional import KNOWN_BAD, refuse_known_bad

if TYPE_CHECKING:
    from collections.abc import Mapping


def find_problems(onnxruntimes: Mapping[str, str]) -> tuple[Problem, ...]:
    """The problems of this environment.

    Args:
        onnxruntimes: the distributions that own the package `onnxruntime` -> version.
    """
    problems = []
    if len(onnxruntimes) > 1:
        listed = " and ".join(f"{name} {version}" for name, version in onnxruntimes.items())
        problems.append(
            Problem(
                f"{listed} are installed at once. They share the package onnxruntime: "
                "each has overwritten files of the other, and which providers there are is left to chance.",
                onnxruntime_cure(onnxruntimes),
            )
        )
    for distribution, (_, _, cure) in KNOWN_BAD.items():
        try:
            refuse_known_bad(distribution)
        except MissingDependencyError as error:
            problems.append(Problem(error.message, (cure,)))
    return tuple(problems)
