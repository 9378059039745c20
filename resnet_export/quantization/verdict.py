"""Whether a file of reduced precision is good enough, and what is said where it isn't."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from resnet_export.bench.estimate import Estimate
from resnet_export.classify.measures import Check, EvaluateReport
from resnet_export.classify.metrics import check_minimum
from resnet_export.graph.recipe import Share
from resnet_export.quantization.proof import is_faster
from resnet_export.quantization.results import RuntimeProof

LEAST_AGREEMENT = 0.95
"""A file whose whole interval lies below it is another classifier, whatever its pictures are."""

UNSURE = ", but the timing can't tell for sure: more --seconds may"


def failures(proofs: Sequence[RuntimeProof], check: Check | None, *, must_be_fast: bool) -> Iterator[str]:
    """Why the file is refused, a sentence each.

    Args:
        proofs: of every runtime.
        check: of the accuracy on labelled pictures, where there is a limit.
        must_be_fast: whether it is for this machine, and was timed.
    """
    if check is not None and check.status == "failed":
        yield f"It is {check.found.value:.2%} less accurate than float32, and {check.limit:.2%} is allowed."
    for one in proofs if check is None else ():
        if one.agreement is not None and one.agreement.high < LEAST_AGREEMENT:
            yield (
                f"In {one.runtime} it gives float32's class to {one.agreement.value:.1%} of the held-out pictures, and "
                f"to {one.agreement.high:.1%} at best."
            )
    errors = [f"{one.runtime}: {one.error}" for one in proofs if one.error is not None]
    if len(errors) == len(proofs):
        yield f"No runtime ran it. {' '.join(errors)}".strip()
    elif must_be_fast and not any(one.ratio is not None and one.ratio.value < 1 for one in proofs):
        unsure = any(one.ratio is not None and one.ratio.low is not None and one.ratio.low < 1 for one in proofs)
        yield f"It took no less time than float32 on this machine{UNSURE if unsure else ''}."


def open_questions(proofs: Sequence[RuntimeProof], check: Check | None) -> Iterator[str]:
    """What neither refuses the file nor is shown, a sentence each; arguments as above."""
    found = min((one.agreement for one in proofs if one.agreement), key=lambda one: one.value, default=None)
    if check is None and found is not None and found.value < LEAST_AGREEMENT <= found.high:
        share = Estimate(found.value, found.low, found.high)
        needed = check_minimum(share, LEAST_AGREEMENT, found.pictures).needs_pictures or 0
        yield (
            f"{found.value:.1%} is below {LEAST_AGREEMENT:.0%}, but {found.pictures:,} pictures can't tell: about "
            f"{needed - found.pictures:,} more would. A quarter of --calibrate is held out for this."
        )
    ratios = [one.ratio for one in proofs if one.ratio is not None]
    if any(one.value < 1 for one in ratios) and not is_faster(proofs):
        yield "The timing can't tell whether it is faster than float32: more --seconds may."


def undecided(check: Check | None, pictures: int) -> str | None:
    """What so many labelled pictures don't tell."""
    if check is None or check.status != "undecided":
        return None
    low, high = check.found.interval or (-1.0, 1.0)
    needed = check.needs_pictures
    return (
        f"{pictures:,} labelled pictures don't tell whether it is at most {check.limit:.2%} less accurate: "
        f"the drop is {check.found.value:.2%}, between {low:.2%} and {high:.2%}."
        f"{'' if needed is None else f' {needed:,} of them would probably tell.'}"
    )


def drop(evaluated: EvaluateReport | None) -> Share | None:
    """How much less accurate it is, for the metadata."""
    if evaluated is None or evaluated.paired is None:
        return None
    found = evaluated.paired.difference
    low, high = found.interval or (-1.0, 1.0)
    return Share(-found.value or 0.0, -high, -low, evaluated.evaluated)
