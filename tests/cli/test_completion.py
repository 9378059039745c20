from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from click.shell_completion import BashComplete

from resnet_export.cli import root
from resnet_export.cli.completion import SHELLS, VARIABLE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result


def complete(arguments: list[str], incomplete: str) -> list[str]:
    """What the shell would offer."""
    found = BashComplete(root, {}, "resnet-export", VARIABLE).get_completions(arguments, incomplete)
    return [item.value for item in found]


def test_the_root_offers_the_options_of_export() -> None:
    offered = complete([], "--")
    assert {"--framework", "--weights", "--opset", "--json", "--version"} <= set(offered)
    assert set(offered) - {"--version"} == set(complete(["export"], "--"))


def test_the_root_offers_the_commands() -> None:
    assert complete([], "") == list(root.commands)
    assert {"export", "doctor", "completion"} <= root.commands.keys()
    assert complete([], "exp") == ["export"]


@pytest.mark.parametrize("start", [[], ["export"]])
@pytest.mark.parametrize(
    ("option", "incomplete", "offered"),
    [
        ("--framework", "", ["keras", "torch"]),
        ("--depth", "", ["18", "34", "50", "101", "152"]),
        ("--depth", "1", ["18", "101", "152"]),
        ("--opset", "2", ["20", "21", "22", "23", "24", "25", "26"]),
        ("--head", "p", ["probabilities"]),
        ("--batch", "d", ["dynamic"]),
        ("--batch", "4", []),
        ("--weights", "IM", ["IMAGENET1K_V1", "IMAGENET1K_V2"]),
    ],
)
def test_values(start: list[str], option: str, incomplete: str, offered: list[str]) -> None:
    assert complete([*start, option], incomplete) == offered


@pytest.mark.parametrize("option", ["--weights", "--output", "--labels", "--images", "--report"])
def test_paths_are_left_to_the_shell(option: str) -> None:
    found = BashComplete(root, {}, "resnet-export", VARIABLE).get_completions([option], "my")
    assert [(item.value, item.type) for item in found] == [("my", "file")]


@pytest.mark.parametrize("shell", SHELLS)
def test_prints_the_script(shell: str, invoke: Callable[..., Result]) -> None:
    done = invoke("completion", shell)
    assert done.exit_code == 0
    assert f"{VARIABLE}={shell}_complete" in done.stdout


def test_an_unknown_shell(invoke: Callable[..., Result]) -> None:
    done = invoke("completion", "csh")
    assert done.exit_code == 2
    assert "'bash', 'zsh', 'fish'" in done.stderr


def test_bash_accepts_the_script(tmp_path: Path, invoke: Callable[..., Result]) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("no bash")
    script = tmp_path / "completion.sh"
    script.write_text(invoke("completion", "bash").stdout)
    subprocess.run([bash, "-n", str(script)], check=True, timeout=30)
