from __future__ import annotations

import csv
import io

from resnet_export.report.kit.tables import as_csv, as_markdown


def test_csv_has_the_columns_of_all_rows() -> None:
    text = as_csv([{"a": 1, "b": None}, {"a": True, "c": "x\ny, \x1b[31mz"}])
    assert list(csv.DictReader(io.StringIO(text))) == [
        {"a": "1", "b": "", "c": ""},
        {"a": "true", "b": "", "c": "x y, z"},
    ]


def test_markdown_keeps_its_cells_apart() -> None:
    assert as_markdown(("name", "n"), [("a|b", "1"), ("<i>*_`\\", "2")]) == (
        "| name | n |\n| --- | ---: |\n| a\\|b | 1 |\n| \\<i>\\*\\_\\`\\\\ | 2 |"
    )
