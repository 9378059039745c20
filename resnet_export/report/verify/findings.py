"""What a failed check found, in sentences: screen, page, JUnit and error messages have them in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from resnet_export.parity.results import VerifyReport


def findings(verification: VerifyReport) -> list[str]:
    """One line for each failure, then where it goes wrong first."""
    return [*(f"  {failure}" for failure in sentences(verification)), *located(verification)]


def sentences(verification: VerifyReport) -> list[str]:
    """The failures, except one that only says what `located` says."""
    found = verification.diagnosis
    repeated = None if found is None else f"{found.layer}: {found.detail}"
    return [failure for failure in verification.failures if failure != repeated]


def located(verification: VerifyReport) -> list[str]:
    """Where it goes wrong first, and why."""
    found = verification.diagnosis
    if found is None:
        return []
    lines = [str(found)]
    bisection, cause = verification.bisection, found.cause
    if cause is None and bisection is not None and bisection.first_wrong == found.layer:
        cause = bisection.cause  # the numbers alone did not show it
    return [*lines, f"Likely cause: {cause.rstrip('.')}."] if cause else lines
