from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pytest
from click.testing import CliRunner

from resnet_export.bench.profile import profiler
from resnet_export.cli import output
from resnet_export.cli.bench_profile import profile
from resnet_export.errors import UnavailableError
from tests.bench.conftest import make_net as make_net
from tests.cli.test_help import HEAVY
from tests.report.bench.examples import profile as example

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result

GUIDE = Path(__file__).parents[2] / "docs" / "bench-profile.md"
LIGHT = """
import sys
from resnet_export.cli.bench_profile import profile
try:
    profile(["--help"])
finally:
    import json; print(json.dumps([name for name in sys.modules if "." not in name]), file=sys.stderr)
"""


@pytest.fixture
def run(make_net: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """`run("net.onnx", "--top", "3")`: the command in a folder with a file, shorter than usual."""
    shutil.copy(make_net(), tmp_path / "net.onnx")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(profiler, "SECONDS", 0.5)
    return lambda *arguments: CliRunner().invoke(profile, list(arguments), prog_name="resnet-export bench profile")


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What `profile` was asked for; it measures nothing."""
    asked: list[dict[str, Any]] = []

    def stub(path: str, *, progress: Any, begun: float, **options: Any) -> Any:
        asked.append({"path": path, **options})
        return example()

    monkeypatch.setattr(profiler, "profile", stub)
    return asked


def test_for_real(run: Callable[..., Result], tmp_path: Path) -> None:
    done = run("net.onnx", "--json", "--output", "out.json", "--batch", "2", "-v")
    assert done.exit_code == 0
    data = json.loads(done.stdout)
    assert data == json.loads((tmp_path / "out.json").read_text())
    assert (data["case"]["batch"], data["case"]["runtime"]) == (2, "ort:cpu")
    assert "profile net.onnx in ort:cpu, batch 2" in done.stderr


def test_a_table(run: Callable[..., Result], calls: list[dict[str, Any]], tmp_path: Path) -> None:
    done = run("net.onnx", "--threads", "1", "--top", "1", "--seconds", "7", "--runtime", "ort:cpu,optimization=basic")
    assert (done.exit_code, done.stderr) == (0, "")
    options = {"runtime": "ort:cpu,optimization=basic", "batch": None, "threads": 1, "seconds": 7.0}
    assert calls == [{"path": "net.onnx", **options}]
    assert "By layer: the 1 longest of " in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100
    assert [path.name for path in tmp_path.iterdir()] == ["net.onnx"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["net.onnx", "--runtime", "openvino"], 2, "openvino has no profiler."),
        (["net.onnx", "--runtime", "ort:cpo"], 2, "Did you mean ort:cpu?"),
        (["net.onnx", "--runtime", "ort:cpu,level=all"], 2, "ort:cpu has no option 'level'."),
        (["net.onnx", "--batch", "0"], 2, "'0' is not a whole number from 1."),
        (["net.onnx", "--seconds", "4"], 2, "'4' is not a whole number from 5."),
        (["net.onnx", "--seconds", "9", "--quick"], 2, "--quick and --seconds exclude each other."),
        (["net.onnx", "--mlperf"], 2, "There is no --mlperf any more; write --seconds 600."),
        (["net.onnx", "--top", "x"], 2, "'x' is not a whole number from 1."),
        (["net.onnx", "--output", "net.onnx"], 2, "--output net.onnx: its suffix names no form of this result."),
        (["net.onnx", "--output", "absent/out.json"], 2, "The folder absent does not exist."),
        (["absent.onnx"], 3, "There is no file absent.onnx."),
    ],
)
def test_bad_input(arguments: list[str], code: int, words: str, run: Callable[..., Result]) -> None:
    done = run(*arguments)
    assert done.exit_code == code
    assert words in done.stderr
    assert done.stdout == ""


def test_an_output_that_exists_is_refused_before_the_work(
    run: Callable[..., Result], calls: list[dict[str, Any]], tmp_path: Path
) -> None:
    (tmp_path / "out.json").write_text("mine")
    done = run("absent.onnx", "--output", "out.json")
    assert (done.exit_code, (tmp_path / "out.json").read_text()) == (2, "mine")
    assert calls == []
    assert run("net.onnx", "--output", "out.json", "--force").exit_code == 0


def test_an_output_that_fails_leaves_the_table(
    run: Callable[..., Result], calls: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: str, text: str) -> None:
        raise UnavailableError(f"{path} cannot be written: No space left on device.")

    monkeypatch.setattr(output, "write", refuse)
    done = run("net.onnx", "--output", "out.json")
    assert (done.exit_code, done.stderr) == (5, "error: out.json cannot be written: No space left on device.\n")
    assert (len(calls), "latency with the profiler" in done.stdout) == (1, True)


def test_the_help_is_light() -> None:
    done = subprocess.run([sys.executable, "-c", LIGHT], capture_output=True, text=True, timeout=60, check=False)
    assert not set(json.loads(done.stderr.splitlines()[-1])) & (HEAVY | {"scipy"})
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_the_guide_knows_every_option_and_every_key() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    internal = {"--force", "--verbose", "--debug"}
    options = [max(one.opts, key=len) for one in profile.params if isinstance(one, click.Option) and not one.hidden]
    assert [name for name in options if name not in internal and f"`{name}" not in text] == []
    data = example().as_dict()
    keys = {*data, *data["operators"][0], *data["layers"][0]}
    assert sorted(key for key in keys if f"`{key}`" not in text) == []
