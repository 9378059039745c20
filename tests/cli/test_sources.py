from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import pytest

from resnet_export.cli import root
from resnet_export.cli.sources import SOURCES

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result


def test_each_has_an_example(invoke: Callable[..., Result]) -> None:
    done = invoke("sources")
    assert done.exit_code == 0
    for title, example in SOURCES:
        assert f"{title}\n    {example}\n" in done.output


@pytest.mark.parametrize("example", [example for _, example in SOURCES if example.startswith("resnet-export")])
def test_the_examples_are_command_lines(example: str) -> None:
    """Every option is one of the command's, and the source is taken for one."""
    with root.make_context("resnet-export", shlex.split(example)[1:]) as context:
        assert context.invoked_subcommand in (None, "export") or context.protected_args in ([], ["export"])
