"""What a script writes into a page: its tables as they are, its sentences in lines."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PARTS = [
    (page, name, text)
    for page in PAGES
    for name, text in re.findall(r"<!-- benchmark:(\w+) -->\n(.*?)\n<!-- /benchmark", page.read_text(), re.DOTALL)
]


@pytest.mark.parametrize(("page", "name", "text"), PARTS, ids=[name for _, name, _ in PARTS])
def test_sentences_are_wrapped(
    page: Path, name: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    copy = tmp_path / "page.md"
    copy.write_text(page.read_text())
    unwrapped = re.sub(r"(?<=[^|\n])\n(?=[^|\n-])", " ", text)
    importlib.import_module("readme").refresh(name, unwrapped, copy)
    sys.modules.pop("readme", None)
    assert copy.read_text() == page.read_text()
