"""Every hint of sources, weights and live models works, followed literally; or it stands here why it isn't followed."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.corpus_networks import with_torchvision

from . import hints_of_checkpoints, hints_of_models
from .hints import CASES, hint_of

if TYPE_CHECKING:
    from collections.abc import Iterator

assert hints_of_checkpoints, hints_of_models  # which add their cases
PACKAGE = Path(__file__).parents[2] / "resnet_export"
NOT_FOLLOWED = {
    "Run it again; if that does not help": "tests/weights/test_published.py downloads again from a server",
    "Check the connection and run it again": "tests/weights/test_published.py goes on where a server stopped",
    "Free some space, or name another folder": "tests/weights/test_published.py names another folder",
    "Give yourself the permission to read it": "root, who runs the tests in containers, may read everything",
    "If it is a constant, such as a mask": "advice on the user's own code",
    "Mend that layer, or leave": "advice on the user's own code; `Leave depth out` is followed",
    "Install Keras, which reads networks": "installs a package",
    "Install it with: {}": "installs a package",
    "Upgrade it with: pip install": "installs a package",
    "Bring them to releases that fit each other": "installs a package",
    "Give a checkpoint with --weights, or try again": "needs a hub that fails; a checkpoint is given elsewhere",
    "Save it as model.save('model.h5')": "needs Keras 2, which is not installed beside Keras 3",
    "Make the model with the arguments that it was trained with, and call it once": "tests/live/test_loading.py",
    "Write the checkpoint again, with or without that entry": "tests/weights/test_description.py writes it without",
    "Save one of them alone: torch.save(torch.load(": "tests/weights/formats/test_torch.py saves it",
    "Try it alone with Python, and correct it there": "advice on the user's own code",
}
"""Words of a hint -> why nothing here follows it."""


@pytest.mark.long
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("says", CASES)
def test_a_hint_followed_literally_works(says: str, tmp_path: Path) -> None:
    with_torchvision()
    provoke, follow = CASES[says](tmp_path)
    hint = hint_of(provoke)
    assert all(part in hint for part in re.split(r"\{\w+\}", says))
    follow()


def hints() -> Iterator[tuple[str, str]]:
    """(where, text) of every hint in the three packages; what is filled in stands in braces."""
    for package in ("sources", "weights", "live"):
        for path in sorted((PACKAGE / package).rglob("*.py")):
            name = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.keyword) and node.arg == "hint":
                    text = text_of(node.value, vars(importlib.import_module(name)))
                elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "hint":
                    text = text_of(node.value, {})
                else:
                    continue
                if text not in ("{hint}", "{}"):  # which is made of such an assignment, or handed on
                    yield f"{path.relative_to(PACKAGE)}:{node.value.lineno}", text


def text_of(node: ast.expr, known: dict[str, Any]) -> str:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.Name(id=name):
            return str(known.get(name, "{" + name + "}"))
        case ast.Attribute(value=ast.Name(id=name)):
            return f"{{{name}}}"
        case ast.JoinedStr(values=values):
            return "".join(text_of(value, known) for value in values)
        case ast.FormattedValue(value=value):
            return text_of(value, known)
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="format")):
            return str(known[name])
        case ast.IfExp(body=body):
            return text_of(body, known)
        case _:
            return "{}"


def test_every_hint_is_followed_or_listed_with_the_reason() -> None:
    found = dict(hints())
    assert len(found) > 50
    known = (*CASES, *NOT_FOLLOWED)
    assert {place: text for place, text in found.items() if not any(one in text for one in known)} == {}
    assert [one for one in known if not any(one in text for text in found.values()) and one not in _OF_OTHERS] == []


_OF_OTHERS = ("Give --head embedding for the features before it", "cannot be read as the file of a Keras model")
"""Words of hints of other packages, which these sources lead to."""
