from __future__ import annotations

from pathlib import Path

from resnet_export.deploy.target import TARGETS

PAGE = Path(__file__).parents[2] / "docs" / "deploy.md"


def test_every_target_has_its_row_in_the_documentation() -> None:
    text = PAGE.read_text(encoding="utf-8")
    table = text[text.index("## Targets") : text.index("## What is in a bundle")]
    assert [line.split("`")[1] for line in table.splitlines() if line.startswith("| `")] == list(TARGETS)
