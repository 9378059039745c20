"""What a failed check found, in sentences: screen, page, JUnit and error messages have them in common."""

from resnet_export.parity.results import VerifyReport


def findings(verification: VerifyReport) -> list[str]:
    """One line for each failure, then where it goes wrong first."""
    return [*(f"  {failure}" for failure in sentences(verification)), *verification.located]


def sentences(verification: VerifyReport) -> list[str]:
    """The failures, except one that only says what `located` of the report says."""
    repeated = None if verification.diagnosis is None else verification.diagnosis.failure
    return [failure for failure in verification.failures if failure != repeated]
