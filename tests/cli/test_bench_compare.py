"""`resnet-export bench compare`."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner

from resnet_export.bench import compare as module
from resnet_export.bench.case import Case, Model
from resnet_export.bench.compare.comparison import Comparison, Launch, Pair, Ran
from resnet_export.bench.compare.side import KEYS, Side
from resnet_export.bench.inputs import Images
from resnet_export.cli.bench_compare import compare
from resnet_export.errors import UnavailableError
from resnet_export.machine import read_machine
from resnet_export.report import compare_text
from tests.bench.conftest import make_net  # noqa: F401 - a fixture
from tests.bench.examples import NOISE

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result

GUIDE = Path(__file__).parents[2] / "docs" / "bench-compare.md"
HEAVY = {"numpy", "onnx", "onnxruntime", "torch", "scipy", "psutil"}


@pytest.fixture
def invoke(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module, "BLOCK", {"seconds": 0.0, "least": 5, "most": 1000})
    return lambda *arguments: CliRunner().invoke(compare, list(arguments), prog_name="resnet-export bench compare")


@pytest.fixture
def net(make_net: Callable[..., Path], tmp_path: Path) -> str:  # noqa: F811
    (tmp_path / "net.onnx").write_bytes(make_net().read_bytes())
    return "model=net.onnx,runtime=synthetic,latency_ms=8"


def test_the_screen_and_the_file(net: str, tmp_path: Path, invoke: Callable[..., Result]) -> None:
    done = invoke("--a", net, "--b", "slower=1.25", "--seconds", "9", "--output", "out.json", "--fail-if", "slower")
    assert (done.exit_code, done.stderr) == (1, "error: B is slower, which --fail-if is for.\n")
    assert re.search(r"^  A  +net\.onnx \(\d+ bytes\), synthetic,latency_ms=8,", done.stdout, re.MULTILINE)
    assert re.search(r"^  B / A  +1\.\d{4} \[1\.\d{4} 1\.\d{4}\]$", done.stdout, re.MULTILINE)
    assert "B is slower: it takes " in done.stdout
    data = json.loads((tmp_path / "out.json").read_text())
    assert (data["verdict"], data["budget_seconds"]) == ("slower", 9.0)


def test_json(net: str, invoke: Callable[..., Result]) -> None:
    done = invoke("--a", net, "--b", "latency_ms=8", "--seconds", "9", "--json", "--band", "50%", "--seed", "3")
    assert (done.exit_code, done.stderr) == (0, "")
    data = json.loads(done.stdout, parse_constant=pytest.fail)
    assert (data["verdict"], data["band"], data["seed"]) == ("equivalent", 0.5, 3)


class TestBadInput:
    @pytest.mark.parametrize(
        ("arguments", "code", "message"),
        [
            ([], 2, "Missing option '--a'"),
            (["--a", "model=net.onnx"], 2, "Missing option '--b'"),
            (["--a", "model=net.onnx", "--b", "thread=2"], 2, "B has no key 'thread'.\nDid you mean threads?"),
            (["--a", "model=no.onnx", "--b", "threads=2"], 3, "There is no file no.onnx."),
            (["--a", "model=net.onnx", "--b", "threads=2", "--band", "x"], 2, "'x' is not a share such as 5% or 0.05."),
            (["--a", "model=net.onnx", "--b", "threads=2", "--band", "100%"], 2, "A band of 1 is not between 0 and 1."),
            (["--a", "model=net.onnx", "--b", "threads=2", "--seconds", "0"], 2, "'0' is not a whole number from 5."),
            (["--a", "model=net.onnx", "--b", "threads=2", "--quick", "--seconds", "9"], 2, "exclude each other."),
            (["--a", "model=net.onnx", "--b", "threads=2", "--fail-if", "slow"], 2, "'slow' is not one of"),
            (
                ["--a", "model=net.onnx", "--b", "threads=2", "--output", "no/out.json"],
                2,
                "The folder no does not exist.",
            ),
            (
                ["--a", "model=net.onnx", "--b", "threads=2", "--output", "net.onnx", "--force"],
                2,
                "would replace another",
            ),
        ],
    )
    def test_is_found_before_the_measuring(
        self,
        arguments: list[str],
        code: int,
        message: str,
        net: str,
        invoke: Callable[..., Result],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(module, "_launch", lambda *arguments: pytest.fail("it was measured"))
        done = invoke(*arguments)
        assert (done.exit_code, done.stdout) == (code, "")
        assert message in done.stderr
        assert "Traceback" not in done.stderr

    def test_a_crash(self, net: str, invoke: Callable[..., Result]) -> None:
        done = invoke("--a", net, "--b", "fail=segfault")
        assert (done.exit_code, done.stdout) == (1, "")
        assert done.stderr.startswith(
            "error: B: its process was ended by SIGSEGV while opening the file and running it for the first time.\n"
        )


@pytest.fixture(scope="module")
def found() -> Comparison:
    model = Model("models/net.onnx", "ab" * 32, 46_800_000, Images("float32", "nchw", 3, 224, 224), None)
    side = Side(Case(model, "ort:cpu", 1, 2))
    ran = Ran(side, 2, "onnxruntime 1.31.1, CPU", "float32", "CPU", {"CPUExecutionProvider": 30}, None)
    other = dataclasses.replace(
        ran,
        side=dataclasses.replace(side, python="/envs/old/bin/python", python_version="3.12.1"),
        fallback="the CPU ran it",
    )
    return Comparison(ran, other, launches(1.0), 0.015, 60.0, 57.3, 0, read_machine(), NOISE)


class TestText:
    @pytest.mark.parametrize(
        ("ratios", "told"),
        [
            ((1.0,), "Equivalent: the interval lies within 1 plus or minus 1.5 %."),
            ((0.8,), "B is faster: it takes 20 % less time than A."),
            ((1.2,), "B is slower: it takes 20 % more time than A."),
            ((0.9, 1.12), "Inconclusive: the interval holds 1, and is not within 1 plus or minus 1.5 %."),
        ],
    )
    def test_the_verdict(self, ratios: tuple[float, ...], told: str, found: Comparison) -> None:
        text = compare_text.render(dataclasses.replace(found, launches=launches(*ratios)))
        assert told in " ".join(text.split())
        assert max(map(len, text.splitlines())) <= 100

    def test_the_time_that_it_would_take_is_an_option(self, found: Comparison) -> None:
        text = compare_text.render(dataclasses.replace(found, launches=launches(0.9, 1.12)))
        seconds = re.search(r"--seconds (\d+)\.", text)
        assert seconds is not None
        assert int(seconds[1]) > 60

    def test_what_ran(self, found: Comparison) -> None:
        lines = compare_text.render(found).splitlines()
        assert "  A              net.onnx (46.8 MB), ort:cpu, batch 1, 2 threads" in lines
        assert "                 onnxruntime 1.31.1, CPU, float32, CPU" in lines
        assert "                 FALLBACK: the CPU ran it" in lines
        assert "                 Python 3.12.1, /envs/old/bin/python" in lines
        assert "                 p50 20 ms, 60 runs" in lines
        assert "  from           12 launches, 57 s, seed 0" in lines

    def test_what_disturbed_both(self, found: Comparison) -> None:
        quiet, busy = (dataclasses.replace(NOISE, others_cpus=share * NOISE.cpus) for share in (0.001, 0.25))
        assert "Other processes" not in compare_text.render(dataclasses.replace(found, noise=quiet))
        told = compare_text.render(dataclasses.replace(found, noise=busy))
        assert f"Other processes used 0.5 of the {NOISE.cpus} CPUs meanwhile." in told.splitlines()

    def test_too_few_launches_are_marked(self, found: Comparison) -> None:
        text = compare_text.render(dataclasses.replace(found, launches=launches(1.0)[:2]))
        assert "  B / A          1.0000 ?" in text.splitlines()
        assert "Inconclusive: there are too few launches for an interval." in " ".join(text.split())
        assert "?: too few of them for an interval." in " ".join(text.split())

    def test_other_image_sizes_are_said_first(self, found: Comparison) -> None:
        case = found.b.side.case
        images = dataclasses.replace(case.model.images, height=64, width=64)
        side = Side(dataclasses.replace(case, model=dataclasses.replace(case.model, images=images)))
        text = compare_text.render(dataclasses.replace(found, b=dataclasses.replace(found.b, side=side)))
        assert " ".join(text.split()).startswith(
            "Different image sizes: A takes images of 3 x 224 x 224, and B of 3 x 64 x 64."
        )

    def test_an_interruption(self, found: Comparison) -> None:
        text = compare_text.render(dataclasses.replace(found, interrupted=True, seconds=20.4))
        assert "It was interrupted after 20 of 60 s; the interval holds unless" in text


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
    found: Comparison,
    net: str,
    invoke: Callable[..., Result],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    measured = dataclasses.replace(found, launches=launches(*ratios))
    monkeypatch.setattr(module, "compare", lambda *arguments, **options: measured)
    done = invoke("--a", net, "--b", "batch=1", *([] if asked is None else ["--fail-if", asked]))
    assert done.exit_code == code
    assert done.stderr.startswith(said)
    assert bool(done.stderr) == bool(said)


def test_a_file_that_cannot_be_written_takes_nothing_from_the_screen(
    found: Comparison, net: str, invoke: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: str, text: str) -> None:
        raise UnavailableError(f"{path} cannot be written: No space left on device.")

    monkeypatch.setattr(module, "compare", lambda *arguments, **options: found)
    monkeypatch.setattr("resnet_export.cli.output.write", full)
    done = invoke("--a", net, "--b", "batch=1", "--output", "out.json")
    assert done.exit_code == 5
    assert "Equivalent: the interval lies within" in done.stdout


def test_an_interruption_prints_and_writes_what_there_is(
    found: Comparison, net: str, invoke: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = dataclasses.replace(found, interrupted=True)
    monkeypatch.setattr(module, "compare", lambda *arguments, **options: ended)
    done = invoke("--a", net, "--b", "batch=1", "--output", "out.json", "--fail-if", "slower")
    assert (done.exit_code, done.stderr) == (130, "interrupted; this is what 12 launches said\n")
    assert "Equivalent: the interval lies within" in done.stdout
    assert json.loads(Path("out.json").read_text())["interrupted"] is True


def launches(*ratios: float) -> tuple[Launch, ...]:
    """Twelve, with these ratios in turns."""
    return tuple(
        Launch("a", (Pair("a", (20.0,) * 5, (20.0 * ratios[index % len(ratios)],) * 5),)) for index in range(12)
    )


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
    model = Model("net.onnx", "ab" * 32, 1, Images("float32", "nchw", 3, 8, 8), None)
    ran = Ran(Side(Case(model, "ort:cpu", 1, 2)), 2, "", "float32", "CPU", {}, None)
    plain = Comparison(ran, ran, launches(1.0), 0.015, 60.0, 57.3, 0, read_machine(), NOISE).as_dict()
    keys = {*plain, *plain["a"], *plain["launches"][0], *plain["launches"][0]["pairs"][0], *KEYS}
    assert sorted(key for key in keys if f"`{key}`" not in text) == []
