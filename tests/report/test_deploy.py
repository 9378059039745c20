"""What stands below a bundle's row."""

from __future__ import annotations

from dataclasses import replace

import pytest

from resnet_export.bench.estimate import Estimate
from resnet_export.deploy.results import BundleResult, Proof
from resnet_export.report.deploy import remarks

PROOF = Proof("net.xml", "openvino 2026", "int8", 0.1, 0.2, 9.0, 16, 16, (), (), Estimate(1.0))


@pytest.mark.parametrize(
    ("agreed", "said"), [(15, "1 differs, too"), (14, "2 differ, both too"), (13, "3 differ, all too")]
)
def test_pictures_with_another_class_are_explained(agreed: int, said: str) -> None:
    close = ("a.png", "b.png", "c.png", "d.png")
    bundle = BundleResult("openvino", "proven", proofs=(replace(PROOF, top1_agreed=agreed, undecided=close),))
    assert list(remarks(bundle)) == [
        "Run by openvino 2026.",
        f"net.xml: {said} close to call.",
        "Too close to call, so that two classes are right: a.png, b.png, c.png and 1 more.",
    ]


def test_without_any_nothing_is_said() -> None:
    assert list(remarks(BundleResult("openvino", "proven", proofs=(PROOF,)))) == ["Run by openvino 2026."]
