from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.doctor.examples import CLASH, CUDA, example, install, install_runtimes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

    from resnet_export.doctor import DoctorReport


@pytest.fixture
def finds(monkeypatch: pytest.MonkeyPatch) -> Callable[[DoctorReport], None]:
    """`finds(report)`: what the diagnosis comes to."""
    return lambda report: monkeypatch.setattr("resnet_export.doctor.diagnose", lambda require: report)


def test_the_screen(finds: Callable[[DoctorReport], None], invoke: Callable[..., Result]) -> None:
    finds(example())
    done = invoke("doctor")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith("resnet-export 0.1.0\n  CPU ")
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_json(finds: Callable[[DoctorReport], None], invoke: Callable[..., Result]) -> None:
    finds(example())
    done = invoke("doctor", "--json")
    assert (done.exit_code, done.stderr) == (0, "")
    assert json.loads(done.stdout) == json.loads(json.dumps(example().as_dict()))


@pytest.mark.parametrize("arguments", [[], ["--json"]])
def test_what_is_required_does_not_run(
    arguments: list[str], finds: Callable[[DoctorReport], None], invoke: Callable[..., Result]
) -> None:
    finds(example(required=("ort:cuda",)))
    done = invoke("doctor", "--require", "ort:cuda", *arguments)
    assert done.exit_code == 5
    assert "ort:cuda" in done.stdout
    assert done.stderr == f"error: ort:cuda does not run here: {CUDA.detail}\n{CUDA.hint}\n"


def test_two_required(finds: Callable[[DoctorReport], None], invoke: Callable[..., Result]) -> None:
    finds(example(required=("tract", "ort:cuda")))
    assert invoke("doctor").stderr.splitlines() == [
        f"error: ort:cuda does not run here: {CUDA.detail}",
        "tract does not run here: tract is not installed.",
        'Install it with: pip install "resnet-export[cuda]"',
        "Install it with: pip install tract",
    ]


def test_what_is_required_runs(finds: Callable[[DoctorReport], None], invoke: Callable[..., Result]) -> None:
    finds(example(required=("ort:cpu",)))
    assert invoke("doctor", "--require", "ort:cpu").exit_code == 0


def test_two_onnxruntimes(finds: Callable[[DoctorReport], None], invoke: Callable[..., Result]) -> None:
    finds(example(problems=(CLASH,)))
    done = invoke("doctor")
    assert done.exit_code == 5
    assert done.stdout.endswith(f"{CLASH.cure[-1]}\n")
    assert done.stderr.splitlines() == [f"error: {CLASH.what}", *CLASH.cure]


def test_an_unknown_runtime(invoke: Callable[..., Result]) -> None:
    done = invoke("doctor", "--require", "ort:cud")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("error: There is no runtime 'ort:cud'.\nDid you mean ort:cuda? ")


def test_a_traceback_to_debug_only(finds: Callable[[DoctorReport], None], invoke: Callable[..., Result]) -> None:
    finds(example(required=("tract",)))
    assert "Traceback" not in invoke("doctor").stderr
    assert "Traceback" in invoke("doctor", "--debug").stderr


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_for_real(tmp_path: Path) -> None:
    """Two distributions of ONNX Runtime, and a third party's runtimes of which one aborts, beside all that is here."""
    for name in ("onnxruntime-gpu", "onnxruntime"):
        install(tmp_path, name, "1.0", "onnxruntime/__init__.py")
    install_runtimes(tmp_path)
    (tmp_path / "my_runtimes-1.0.dist-info/entry_points.txt").write_text(
        "[resnet_export.runtimes]\nmine:fine = my_runtimes:FINE\nmine:crashes = my_runtimes:CRASHES\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "resnet_export", "doctor", "--json", "--require", "mine:crashes"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        timeout=120,
        check=False,
    )
    assert done.returncode == 5
    report = json.loads(done.stdout)
    assert report["passed"] is False
    assert report["onnxruntimes"] == {"onnxruntime": "1.0", "onnxruntime-gpu": "1.0"}
    runtimes = {one["name"]: one for one in report["runtimes"]}
    assert runtimes["ort:cpu"]["usable"] is True
    assert runtimes["mine:fine"]["detail"] == "mine 3.0, CPU"
    assert runtimes["mine:crashes"]["detail"] == "its process was ended by SIGABRT while checking it"
    first, *others = done.stderr.splitlines()
    assert first.startswith("error: onnxruntime 1.0 and onnxruntime-gpu 1.0 are installed at once.")
    assert others == [
        "mine:crashes does not run here: its process was ended by SIGABRT while checking it",
        "pip uninstall -y onnxruntime onnxruntime-gpu",
        "pip install onnxruntime-gpu==1.0",
    ]
