from __future__ import annotations

import os
import sys
import tempfile
import warnings
from pathlib import Path

import pytest

from resnet_export import files
from resnet_export.cli.chatter import held_back
from resnet_export.errors import InputError, UnavailableError
from tests.cli.launching import launch

NOISE = "import os, sys\nos.write(1, b'out\\n')\nos.write(2, b'err\\n')\nprint('python', file=sys.stderr)"


def test_descriptors_are_held_back_and_restored(capfd: pytest.CaptureFixture[str]) -> None:
    with held_back():
        os.write(1, b"held\n")
        os.write(2, b"held\n")
    os.write(1, b"out\n")
    os.write(2, b"err\n")
    assert capfd.readouterr() == ("out\n", "err\n")


def test_no_descriptor_is_left_open() -> None:
    before = open_descriptors()
    with held_back():
        pass
    with pytest.raises(InputError), held_back():
        raise InputError("x")
    assert open_descriptors() == before


def test_quiet_when_all_goes_well(tmp_path: Path) -> None:
    done = launch(NOISE, "--json", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


def test_verbose_lets_everything_through_to_stderr(tmp_path: Path) -> None:
    done = launch(NOISE, "--json", "-v", folder=tmp_path)
    assert done.stderr.splitlines()[:3] == ["out", "err", "python"]
    assert "out" not in done.stdout


def test_an_unexpected_error_replays_it(tmp_path: Path) -> None:
    done = launch(f"{NOISE}\nraise RuntimeError('boom')", folder=tmp_path)
    assert done.returncode == 1
    assert done.stdout == ""
    *replayed, last = done.stderr.splitlines()
    assert replayed == ["out", "err", "python"]
    assert last.startswith("unexpected error: RuntimeError: boom; ")


@pytest.mark.parametrize("error", ["InputError('no file')", "ParityError('wrong')"])
def test_an_error_of_ours_says_enough(error: str, tmp_path: Path) -> None:
    done = launch(f"{NOISE}\nfrom resnet_export.errors import InputError, ParityError\nraise {error}", folder=tmp_path)
    assert done.stderr.startswith("error: ")
    assert len(done.stderr.splitlines()) == 1


def test_loggers_made_inside_still_work_outside(tmp_path: Path) -> None:
    work = "import atexit, logging\nhandler = logging.StreamHandler()\nlogging.getLogger().addHandler(handler)"
    done = launch(f"{work}\natexit.register(logging.getLogger().warning, 'late')", "--json", folder=tmp_path)
    assert done.stderr == "late\n"


def test_gives_a_stream_to_the_real_stderr(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(
        "import os\nfrom resnet_export.cli.chatter import held_back\n"
        "with held_back() as stderr:\n    os.write(2, b'held')\n    stderr.write('shown')\n"
    )
    done = launch("import runpy\nrunpy.run_path('own.py')", "--json", "-v", folder=tmp_path)
    assert "shown" in done.stderr
    assert "held" not in done.stderr


class TestWarnings:
    def test_ours_are_shown_once(self, capfd: pytest.CaptureFixture[str]) -> None:
        with held_back():
            for _ in range(2):
                warn_from(files.__file__, "float64 was rounded")
        assert capfd.readouterr().err == "warning: float64 was rounded\n"

    def test_ours_are_told_by_where_the_call_stands(self, capfd: pytest.CaptureFixture[str]) -> None:
        with held_back():
            warn_from("/site-packages/torch/onnx.py", "the frameworks")
            # Blames its caller, as frameworks do; the caller is this package.
            blaming = compile("warnings.warn('blamed on us', stacklevel=2)", "/site-packages/torch/onnx.py", "exec")
            namespace = {"warnings": warnings, "blaming": blaming}
            exec(compile("exec(blaming)", files.__file__, "exec"), namespace)
        assert capfd.readouterr().err == ""

    @pytest.mark.parametrize("category", [DeprecationWarning, FutureWarning, RuntimeWarning])
    def test_other_categories_are_for_developers(
        self, category: type[Warning], capfd: pytest.CaptureFixture[str]
    ) -> None:
        with held_back():
            warn_from(files.__file__, "soon gone", category)
        assert capfd.readouterr().err == ""

    def test_verbose_shows_those_of_the_frameworks(self, capfd: pytest.CaptureFixture[str]) -> None:
        with held_back(verbose=True):
            warn_from("/site-packages/torch/onnx.py", "old API", FutureWarning)
        assert "onnx.py:1: FutureWarning: old API" in capfd.readouterr().err

    def test_the_filters_are_restored(self) -> None:
        before = warnings.filters[:], warnings.showwarning
        with held_back():
            pass
        assert (warnings.filters, warnings.showwarning) == before


def test_no_room_for_the_temporary_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    with pytest.raises(UnavailableError, match="No space left on device"), held_back():
        pytest.fail("the body must not run")
    assert sys.stderr is not None


def open_descriptors() -> int:
    folder = Path("/proc/self/fd")
    if not folder.is_dir():
        pytest.skip("no /proc")
    return len(list(folder.iterdir()))


def warn_from(file: str, message: str, category: type[Warning] = UserWarning) -> None:
    """Warns as code in `file` would."""
    code = compile("warnings.warn(message, category, stacklevel=1)", file, "exec")
    exec(code, {"warnings": warnings, "message": message, "category": category})
