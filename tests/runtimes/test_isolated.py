"""Sessions in processes of their own: like any other, and a crash is an error with the signal's name."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest

from resnet_export.errors import ModelError, RuntimeCrashedError, RuntimeFailedError, UsageError
from resnet_export.runtimes import open_session
from resnet_export.runtimes.isolated import COMMAND, IsolatedSession

IMAGES = np.random.default_rng(0).standard_normal((2, 3, 32, 32), dtype=np.float32)


@pytest.mark.parametrize("runtime", ["ort:cpu", "reference", "torch", "synthetic,batch=2,precision=float16"])
def test_it_is_the_session_that_it_stands_for(runtime: str, plain: Path) -> None:
    with open_session(runtime, plain) as inside, IsolatedSession(runtime, plain) as outside:
        assert outside.name == inside.name == runtime
        for attribute in ("takes_file_input", "batches", "precision", "shows_values"):
            assert getattr(outside, attribute) == getattr(inside, attribute)
        assert outside.placement() == inside.placement()
        np.testing.assert_allclose(outside.run(IMAGES), inside.run(IMAGES), rtol=0, atol=1e-5)
        assert list(outside.values(IMAGES, ["relu", "no such value"])) == ["relu"]


def test_a_crash_is_an_error_with_the_signal_and_the_last_words(plain: Path) -> None:
    with IsolatedSession("synthetic,fail=crash", plain) as session, pytest.raises(RuntimeCrashedError) as caught:
        session.run(IMAGES)
    assert caught.value.message == "its process was ended by SIGABRT while running it"
    assert any("Aborted" in line for line in caught.value.log)


def test_a_process_that_is_killed(plain: Path) -> None:
    """As the kernel does when memory runs out."""
    with IsolatedSession("ort:cpu", plain) as session:
        (child,) = psutil.Process().children()
        child.send_signal(signal.SIGKILL)
        with pytest.raises(RuntimeCrashedError, match="ended by SIGKILL, as the kernel does when memory runs out"):
            session.run(IMAGES)


@pytest.mark.parametrize(
    ("runtime", "kind", "message"),
    [
        ("synthetic,fail=load", ModelError, "cannot load plain.onnx: it was told so"),
        ("sinthetic", UsageError, "There is no runtime 'sinthetic'."),
    ],
)
def test_what_opening_raises_comes_through(runtime: str, kind: type, message: str, plain: Path) -> None:
    with pytest.raises(kind, match=message) as caught:
        IsolatedSession(runtime, plain)
    assert type(caught.value) is kind
    assert psutil.Process().children() == []


def test_what_running_raises_comes_through_and_the_session_lives_on(plain: Path) -> None:
    with IsolatedSession("synthetic,fail=run", plain) as session:
        for _ in range(2):
            with pytest.raises(RuntimeFailedError, match="It failed: it was told so"):
                session.run(IMAGES)
        assert "relu" in session.values(IMAGES, ["relu"])


def test_nothing_that_it_prints_is_seen(plain: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """TensorFlow, for one, prints in C++ when it starts."""
    with IsolatedSession("keras", plain) as session:
        session.run(IMAGES)
    assert capfd.readouterr() == ("", "")


def test_closing_ends_a_process_that_hangs(plain: Path) -> None:
    """As on Ctrl-C, which comes between a request and its answer."""
    session = IsolatedSession("synthetic,fail=hang", plain)
    assert session._process.stdin is not None
    pickle.dump(("run", (IMAGES,)), session._process.stdin)
    session._process.stdin.flush()
    session.close()
    assert session._process.poll() == -signal.SIGKILL


def test_what_does_not_answer_in_time_is_a_crash(plain: Path) -> None:
    with (
        IsolatedSession("synthetic,fail=hang", plain, deadline_s=3) as session,
        pytest.raises(RuntimeCrashedError, match="its process did not answer within 3 s while running it"),
    ):
        session.run(IMAGES)


def test_what_it_writes_to_the_temporary_folder_goes_with_it(plain: Path) -> None:
    session = IsolatedSession("tract", plain)
    folder = session._folder.name
    (child,) = psutil.Process().children()
    assert child.environ()["TMPDIR"] == folder
    session.run(IMAGES)
    session.close()
    assert not Path(folder).exists()


def test_a_file_beside_that_is_called_like_a_package_is_not_imported(
    plain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "onnxruntime.py").write_text("raise SystemExit('imported')")
    monkeypatch.chdir(tmp_path)
    with IsolatedSession("ort:cpu", plain) as session:
        assert session.run(IMAGES).shape == (2, 10)


def test_a_worker_whose_parent_is_gone_leaves(plain: Path) -> None:
    read, write = os.pipe()
    worker = subprocess.Popen([sys.executable, *COMMAND], stdin=read, stdout=subprocess.DEVNULL)
    os.close(read)
    os.close(write)
    assert worker.wait(timeout=60) == 0
