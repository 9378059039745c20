from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from resnet_export.doctor import LONGEST, Checker, RuntimeCheck, check_all
from resnet_export.errors import UnavailableError
from tests.doctor.examples import install_runtimes

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="signals")


def checked(names: list[str], *, timeout_s: float) -> tuple[RuntimeCheck, ...]:
    return check_all(names, timeout_s=timeout_s)[0]


def check(name: str) -> RuntimeCheck:
    return Checker(None).check(name)


@pytest.fixture(autouse=True)
def third_party(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site, root = install_runtimes(tmp_path), Path(__file__).parents[2]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, (site, root))))


@POSIX
def test_a_crash_costs_no_other_its_check() -> None:
    assert list(checked(["mine:fine", "mine:crashes", "mine:fails"], timeout_s=60)) == [
        RuntimeCheck("mine:fine", "usable", "mine 3.0, CPU"),
        RuntimeCheck("mine:crashes", "failed", "its process was ended by SIGABRT while checking it"),
        RuntimeCheck("mine:fails", "failed", "OSError: libmine.so.3: cannot open shared object file"),
    ]


def test_a_hang_ends(capfd: pytest.CaptureFixture[str]) -> None:
    assert list(checked(["mine:hangs", "mine:fine"], timeout_s=5)) == [
        RuntimeCheck(
            "mine:hangs", "failed", "its process gave no sign of life for 5 s while checking it, and was ended"
        ),
        RuntimeCheck("mine:fine", "usable", "mine 3.0, CPU"),
    ]
    assert capfd.readouterr() == ("", "")


def test_leaving_is_no_way_out() -> None:
    assert list(checked(["mine:leaves", "mine:quits"], timeout_s=60)) == [
        RuntimeCheck("mine:leaves", "failed", "SystemExit: 3"),
        RuntimeCheck("mine:quits", "failed", "its process left with exit code 3 while checking it"),
    ]


def test_all_come_in_their_order_and_quietly(capfd: pytest.CaptureFixture[str]) -> None:
    checks, providers = check_all(["mine:fails", "ort:cpu", "mine:fine"], timeout_s=60)
    assert [(found.name, found.state) for found in checks] == [
        ("mine:fails", "failed"),
        ("ort:cpu", "usable"),
        ("mine:fine", "usable"),
    ]
    assert "CPUExecutionProvider" in providers.names
    assert capfd.readouterr() == ("", "")


def test_a_file_in_the_current_folder_is_no_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = tmp_path / "here"
    here.mkdir()
    (here / "my_runtimes.py").write_text("raise SystemError('not me')")
    monkeypatch.chdir(here)
    assert [found.state for found in checked(["mine:fine"], timeout_s=60)] == ["usable"]


def test_onnxruntime_that_cannot_be_imported(tmp_path: Path) -> None:
    (tmp_path / "onnxruntime.py").write_text("raise ImportError('libgomp.so.1: cannot open shared object file')")
    _, providers = check_all([], timeout_s=60)
    assert providers.names == ()
    assert providers.reason == "ImportError: libgomp.so.1: cannot open shared object file"


def test_an_error_of_ours_brings_its_hint() -> None:
    found = check("ort:cud")
    assert (found.state, found.detail) == ("unavailable", "There is no runtime 'ort:cud'.")
    assert found.hint is not None
    assert found.hint.startswith("Did you mean ort:cuda? ")


def test_a_reason_as_long_as_a_book_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(name: str) -> None:
        raise ValueError("x" * 10 * LONGEST)

    monkeypatch.setattr("resnet_export.doctor.find", fail)
    assert len(check("ort:cpu").detail) == LONGEST + len("...")


def test_the_advice_to_come_here_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(name: str) -> None:
        raise UnavailableError("There is no device.", hint="resnet-export doctor lists those that run here.")

    monkeypatch.setattr("resnet_export.doctor.find", fail)
    assert (check("ort:webgpu").detail, check("ort:webgpu").hint) == ("There is no device.", None)


def test_an_option_that_doctor_lacks_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(name: str) -> None:
        hint = "Install it with: pip install it; or go on without it: --allow-fallback."
        raise UnavailableError("It cannot be loaded.", hint=hint)

    monkeypatch.setattr("resnet_export.doctor.find", fail)
    assert check("ort:cuda").hint == "Install it with: pip install it"
