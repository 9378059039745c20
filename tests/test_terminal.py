from __future__ import annotations

import pytest

from resnet_export.terminal import WIDE, WIDTH, Row, blocks, clipped, fact, shortened, some, table, wrapped

HEADING = ("", "p50 ms", "p99 ms", "note", "grade")
LONG = "openvino,precision=bfloat16,threads=2, batch 32, 2 threads"


def test_columns_are_aligned_and_remarks_stand_below() -> None:
    rows = [Row(("ort:cpu", "8.05", "9.1", "", "A"), ("The machine was busy.",)), ("openvino", "12.05", "13", "", "B")]
    assert table(HEADING, rows, left=(0, 4)) == [
        "            p50 ms  p99 ms  grade",
        "  ort:cpu     8.05     9.1  A",
        "    The machine was busy.",
        "  openvino   12.05      13  B",
    ]


def test_a_column_that_no_row_fills_is_left_out() -> None:
    assert table(("name", "a", "b"), [("x", "", "1")]) == ["  name  b", "  x     1"]
    assert table(("", "a"), [("", "1")]) == ["  a", "  1"]


def test_a_name_that_does_not_fit_has_a_line_of_its_own() -> None:
    numbers = ("8.05 [8.01 8.09]", "9.123 [9.001 9.321]", "x" * 20, "FAILED")
    lines = table(HEADING, [(LONG, *numbers), ("tract", *numbers)], left=(0, 4))
    assert lines[1] == f"  {LONG}"
    assert lines[2].startswith("         8.05 [8.01 8.09]")
    assert lines[3].startswith("  tract  8.05")
    assert max(map(len, lines)) <= WIDTH
    assert table(HEADING, [(LONG[:50], *numbers[:2], "", "A")], width=WIDE)[1].startswith(f"  {LONG[:50]}  8.05")


def test_a_name_that_is_longer_than_a_line_is_broken_behind_commas() -> None:
    name = ", ".join([f"runtime,{','.join(f'option_{at}=value' for at in range(8))}", "batch 1", "2 threads"])
    lines = table(("", "ms"), [(name, "1")])
    assert max(map(len, lines)) <= WIDTH
    assert all(line.endswith(",") for line in lines[1:-2])


def test_columns_come_closer_where_there_is_little_room() -> None:
    cells = ("opencv", *["12345678"] * 8)
    (_, line) = table([""] * 9, [cells])
    assert (len(line), line.count("  12345678")) == (80, 0)


def test_no_rows_no_table() -> None:
    assert table(HEADING, []) == []


def test_control_codes_of_others_never_reach_the_terminal() -> None:
    (_, row, remark) = table(("", "x"), [Row(("\x1b[31mevil\x07", "1\n2"), ("a\x1b[0m\nb",))])
    assert (row, remark) == ("  evil  1 2", "    a b")


def test_values_are_not_broken_in_two() -> None:
    lines = list(fact("system", *["Debian GNU/Linux 12"] * 6))
    assert [line.count("Debian GNU/Linux 12") for line in lines] == [3, 3]
    assert lines[1].startswith(" " * 17)
    assert list(fact("x" * 30, "value")) == [f"  {'x' * 30}", f"{' ' * 17}value"]


def test_a_path_is_kept_whole_unless_words_are_folded() -> None:
    path = "/very" * 40
    assert path in wrapped(f"See {path} there.")
    assert max(map(len, wrapped(f"See {path} there.", fold=True))) <= WIDTH


def test_long_texts_lose_an_end_or_the_middle() -> None:
    assert clipped("word " * 10, 12) == "word word wo..."
    assert shortened("layer1.0.conv2.weight", 11) == "laye...ight"
    assert shortened("short", 11) == "short"


@pytest.mark.parametrize(("most", "last"), [(3, "c"), (2, "  ... and 1 more; --json has them all")])
def test_what_is_left_out_is_counted(most: int, last: str) -> None:
    assert some(["a", "b", "c"], most)[-1] == last


def test_empty_blocks_are_left_out() -> None:
    assert blocks(["a", "b"], [], iter(()), ["c"]) == "a\nb\n\nc"
