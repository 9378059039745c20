from __future__ import annotations

from resnet_export.report.kit.page import POLICY, figure, group, items, legend, page, remark, row, table

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
        *table(EVIL, [EVIL], [group(EVIL, 1), row(["<b>A</b>"]), remark([EVIL], 1)]),
        figure("<svg></svg>", title=EVIL, name=EVIL, caption=EVIL),
        legend([("<path/>", EVIL)]),
        items([EVIL]),
    ]
    assert "<script" not in "".join(shown)
    assert "<b>A</b>" in "".join(shown)


def test_what_is_empty_leaves_nothing() -> None:
    assert (remark([], 3), items([]), figure("<svg/>")) == ("", "", "<figure><svg/></figure>")
