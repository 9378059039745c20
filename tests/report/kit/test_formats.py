from __future__ import annotations

import importlib

import pytest

from resnet_export.errors import UsageError
from resnet_export.report.kit import formats


@pytest.mark.parametrize(
    "target", sorted({target for forms in formats.RENDERERS.values() for target in forms.values()})
)
def test_every_entry_leads_to_a_function(target: str) -> None:
    module, _, name = target.partition(":")
    assert callable(getattr(importlib.import_module(module), name))


def test_every_result_has_text_and_json() -> None:
    assert [name for name, forms in formats.RENDERERS.items() if not {"text", "json"} <= set(forms)] == []


def test_the_suffix_chooses_the_form() -> None:
    assert formats.form_of("a.b/Page.HTML", "VerifyReport", "--output") == "html"
    assert formats.suffixes("VerifyReport") == [".json", ".html", ".xml"]


@pytest.mark.parametrize(
    ("subject", "path", "hint"),
    [
        ("VerifyReport", "out.txt", "Give a file in .json, .html or .xml."),
        ("VerifyReport", "html", "Give a file in .json, .html or .xml."),
        ("DoctorReport", "out.html", "Give a file in .json."),
    ],
)
def test_another_suffix_is_refused_with_the_list(subject: str, path: str, hint: str) -> None:
    with pytest.raises(UsageError, match=f"--output {path}: its suffix names no form") as caught:
        formats.form_of(path, subject, "--output")
    assert caught.value.hint == hint
