"""`resnet-export bench compare`."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pytest
from click.testing import CliRunner

from resnet_export.bench import compare as module
from resnet_export.bench.compare.side import KEYS
from resnet_export.bench.sampling import Budget
from resnet_export.cli.bench_compare import compare
from resnet_export.errors import UnavailableError
from tests.bench.conftest import make_net as make_net
from tests.report.comparisons import comparison

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result

GUIDE = Path(__file__).parents[2] / "docs" / "bench-compare.md"
HEAVY = {"numpy", "onnx", "onnxruntime", "torch", "scipy", "psutil"}


@pytest.fixture
def invoke(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module, "BLOCK", Budget(0.0, 5, 1000))
    return lambda *arguments: CliRunner().invoke(compare, list(arguments), prog_name="resnet-export bench compare")


@pytest.fixture
def net(make_net: Callable[..., Path], tmp_path: Path) -> str:
    for name in ("net.onnx", "net.json"):
        (tmp_path / name).write_bytes(make_net().read_bytes())
    return "model=net.onnx,runtime=synthetic,latency_ms=8"


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What `compare` was asked for; it measures nothing and finds that both are the same."""
    asked: list[dict[str, Any]] = []

    def stub(a: Any, b: Any, seconds: float, band: float, seed: int, progress: Any, **options: Any) -> Any:
        asked.append({"a": a, "b": b, "seconds": seconds, "band": band, "seed": seed})
        return comparison(band=band, seed=seed, budget_seconds=seconds)

    monkeypatch.setattr(module, "compare", stub)
    return asked


def test_for_real(net: str, tmp_path: Path, invoke: Callable[..., Result]) -> None:
    done = invoke("--a", net, "--b", "slower=1.5", "--seconds", "5", "--output", "out.json")
    assert (done.exit_code, done.stderr) == (0, "")
    assert re.search(r"^  A  +net\.onnx \(\d+ bytes\), synthetic,latency_ms=8,", done.stdout, re.MULTILINE)
    data = json.loads((tmp_path / "out.json").read_text())
    assert data["ratio"]["value"] == pytest.approx(1.5, rel=0.15)
    assert f"  B / A          {data['ratio']['value']:.4f} " in done.stdout
    assert data["budget_seconds"] == 5.0
    assert [data[name]["case"]["runtime"] for name in "ab"] == [
        "synthetic,latency_ms=8", "synthetic,latency_ms=8,slower=1.5",
    ]  # fmt: skip


def test_json(net: str, calls: list[dict[str, Any]], invoke: Callable[..., Result]) -> None:
    done = invoke("--a", net, "--b", "latency_ms=9", "--seconds", "9", "--json", "--band", "50%", "--seed", "3")
    assert (done.exit_code, done.stderr) == (0, "")
    data = json.loads(done.stdout, parse_constant=pytest.fail)
    assert (data["verdict"], data["band"], data["seed"]) == ("equivalent", 0.5, 3)
    (call,) = calls
    assert (call["seconds"], call["band"], call["seed"]) == (9.0, 0.5, 3)
    assert (call["a"].runtime, call["b"].runtime) == ("synthetic,latency_ms=8", "synthetic,latency_ms=9")


def test_files_stand_for_models(calls: list[dict[str, Any]], net: str, invoke: Callable[..., Result]) -> None:
    file = net.removeprefix("model=").split(",")[0]
    for given in ([file, file], [file, "--b", "threads=1"]):
        assert invoke(*given).exit_code == 0
    files = [Path(call[side].model.path).name for call in calls for side in "ab"]
    assert files == ["net.onnx"] * 4
    assert [call["b"].threads for call in calls][1] == 1


class TestBadInput:
    @pytest.mark.parametrize(
        ("arguments", "code", "message"),
        [
            ([], 2, "Two sides are compared, and A is missing."),
            (["--a", "model=net.onnx"], 2, "Two sides are compared, and B is missing."),
            (["net.onnx"], 2, "and B is missing.\nName two files, or a file and what B does otherwise, such as:"),
            (["net.onnx", "net.onnx", "net.onnx"], 2, "Two sides are compared, and 3 files are given."),
            (["net.onnx", "--a", "model=net.onnx", "--b", "threads=2"], 2, "A is given model twice."),
            (["--a", "model=net.onnx", "--b", "thread=2"], 2, "B has no key 'thread'.\nDid you mean threads?"),
            (["--a", "model=no.onnx", "--b", "threads=2"], 3, "There is no file no.onnx."),
            (["--a", "model=net.onnx", "--b", "threads=2", "--band", "x"], 2, "'x' is not a share such as 5% or 0.05."),
            (["--a", "model=net.onnx", "--b", "threads=2", "--seconds", "0"], 2, "'0' is not a whole number from 5."),
            (["--a", "model=net.onnx", "--b", "threads=2", "--quick", "--seconds", "9"], 2, "exclude each other."),
            (["--a", "model=net.onnx", "--b", "threads=2", "--fail-if", "slow"], 2, "'slow' is not one of"),
            (
                ["--a", "model=net.onnx", "--b", "threads=2", "--output", "no/out.json"],
                2,
                "The folder no does not exist.",
            ),
            (
                ["--a", "model=net.json", "--b", "threads=2", "--output", "net.json", "--force"],
                2,
                "would replace another",
            ),
            (["--a", "model=net.onnx", "--b", "threads=2", "--output", "out.html"], 2, "Give a file in .json."),
        ],
    )
    def test_is_found_before_the_measuring(
        self,
        arguments: list[str],
        code: int,
        message: str,
        net: str,
        calls: list[dict[str, Any]],
        invoke: Callable[..., Result],
    ) -> None:
        done = invoke(*arguments)
        assert (done.exit_code, done.stdout) == (code, "")
        assert message in done.stderr
        assert "Traceback" not in done.stderr
        assert calls == []

    def test_a_band_that_holds_everything(self, net: str, invoke: Callable[..., Result]) -> None:
        done = invoke("--a", net, "--b", "batch=1", "--band", "100%")
        assert (done.exit_code, done.stdout) == (2, "")
        assert "A band of 1 is not between 0 and 1." in done.stderr

    def test_a_crash(self, net: str, invoke: Callable[..., Result]) -> None:
        done = invoke("--a", net, "--b", "fail=segfault")
        assert (done.exit_code, done.stdout) == (1, "")
        assert done.stderr.startswith("error: B: its process was ended by SIGSEGV while running it for the first time")


@pytest.mark.parametrize(
    ("ratios", "asked", "code", "said"),
    [
        ((1.2,), None, 0, ""),
        ((1.2,), "slower", 1, "error: B is slower, which --fail-if is for.\n"),
        ((1.2,), "faster", 0, ""),
        ((0.8,), "slower", 0, ""),
        ((0.8,), "faster", 1, "error: B is faster, which --fail-if is for.\n"),
        ((1.0,), "slower", 0, ""),
        ((0.9, 1.12), None, 0, ""),
        ((0.9, 1.12), "slower", 6, "error: Whether B is slower can't be told from this.\nMeasure longer: --seconds "),
    ],
)
def test_the_exit_code(
    ratios: tuple[float, ...],
    asked: str | None,
    code: int,
    said: str,
    net: str,
    invoke: Callable[..., Result],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "compare", lambda *arguments, **options: comparison(*ratios))
    done = invoke("--a", net, "--b", "batch=1", *([] if asked is None else ["--fail-if", asked]))
    assert done.exit_code == code
    assert done.stderr.startswith(said)
    assert bool(done.stderr) == bool(said)


def test_a_file_that_cannot_be_written_takes_nothing_from_the_screen(
    net: str, invoke: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: str, text: str) -> None:
        raise UnavailableError(f"{path} cannot be written: No space left on device.")

    monkeypatch.setattr(module, "compare", lambda *arguments, **options: comparison())
    monkeypatch.setattr("resnet_export.cli.output.write", full)
    done = invoke("--a", net, "--b", "batch=1", "--output", "out.json")
    assert done.exit_code == 5
    assert "Equivalent: the interval lies within" in done.stdout


def test_an_interruption_prints_and_writes_what_there_is(
    net: str, invoke: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "compare", lambda *arguments, **options: comparison(interrupted=True))
    done = invoke("--a", net, "--b", "batch=1", "--output", "out.json", "--fail-if", "slower")
    assert (done.exit_code, done.stderr) == (130, "interrupted; this is what 12 launches said\n")
    assert "Equivalent: the interval lies within" in done.stdout
    assert json.loads(Path("out.json").read_text())["interrupted"] is True


def test_help_is_light_and_names_every_key() -> None:
    program = "import sys\nfrom resnet_export.cli.bench_compare import compare\ntry:\n    compare()\nfinally:\n"
    program += "    print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", program, "--help"], capture_output=True, text=True, timeout=60, check=False
    )
    assert not set(done.stderr.split()) & HEAVY
    assert all(re.search(rf"\b{key}\b", done.stdout) for key in KEYS)
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_the_guide_knows_every_option_and_every_key() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    internal = {"--force", "--verbose", "--debug"}
    options = [max(one.opts, key=len) for one in compare.params if isinstance(one, click.Option) and not one.hidden]
    assert [name for name in options if name not in internal and f"`{name}" not in text] == []
    plain = comparison().as_dict()
    keys = {*plain, *plain["a"], *plain["launches"][0], *plain["launches"][0]["pairs"][0], *KEYS}
    assert sorted(key for key in keys if f"`{key}`" not in text) == []
