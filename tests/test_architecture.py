"""The house rules that import-linter does not know: no circle between files, and no file of more than 300 lines."""

from __future__ import annotations

from graphlib import TopologicalSorter
from pathlib import Path

import grimp

import resnet_export

ROOT = Path(resnet_export.__file__).parent


def test_there_is_no_circle_between_files() -> None:
    graph = grimp.build_graph("resnet_export", exclude_type_checking_imports=True, cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    assert len(list(TopologicalSorter(imports).static_order())) > 100  # it raises CycleError, which names the circle


def test_no_file_is_longer_than_300_lines() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in ROOT.rglob("*.py")}
    assert {name: count for name, count in lengths.items() if count > 300} == {}
