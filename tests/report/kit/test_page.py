from __future__ import annotations

from resnet_export.report.kit.page import POLICY, figure, items, legend, page, table
from resnet_export.terminal import Row

EVIL = "<script>alert('&\"')</script>"


def test_a_page_has_a_policy_and_a_width_for_phones_and_is_escaped() -> None:
    shown = page(EVIL, ["<p>body</p>"], style="h3 { margin: 0; }")
    assert f'content="{POLICY}"' in shown
    assert 'name="viewport"' in shown
    assert "prefers-color-scheme: dark" in shown
    assert "h3 { margin: 0; }</style>" in shown
    assert "<script" not in shown


def test_words_of_others_are_escaped_in_every_element() -> None:
    shown = [
        *table(EVIL, [EVIL, EVIL], [[EVIL], Row([EVIL, EVIL], [EVIL])], bad=[EVIL]),
        figure("<svg></svg>", title=EVIL, name=EVIL, caption=EVIL),
        legend([("<path/>", EVIL)]),
        items([EVIL]),
    ]
    assert "<script" not in "".join(shown)


def test_what_is_empty_leaves_nothing() -> None:
    assert (items([]), figure("<svg/>")) == ("", "<figure><svg/></figure>")


def test_a_table_has_groups_and_remarks_and_marks_failures() -> None:
    shown = "".join(table("T", ["a", "b"], [["G"], Row(["1", "FAILED"], ["why"]), ["2", "3"]], bad=["FAILED"]))
    assert shown.partition("<tbody>")[2] == (
        '<tr><th class="left group" colspan="2">G</th></tr>'
        '<tr><td class="left">1</td><td><span class="failed">FAILED</span></td></tr>'
        '<tr><td class="left remark" colspan="2"><div>why</div></td></tr>'
        '<tr><td class="left">2</td><td>3</td></tr></tbody></table></div>'
    )


def test_the_title_has_the_colour_of_the_outcome() -> None:
    assert "<main><h1>T</h1>" in page("T", [])
    assert '<main><h1 class="passed">T</h1>' in page("T", [], passed=True)
    assert '<main><h1 class="failed">T</h1>' in page("T", [], passed=False)
