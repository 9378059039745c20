"""Sessions in processes of their own: like any other, and a crash is an error with the signal's name."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import numpy as np
import psutil
import pytest

from resnet_export.errors import ModelError, RuntimeCrashedError, RuntimeFailedError, UsageError
from resnet_export.runtimes import isolated, open_session
from resnet_export.runtimes.isolated import IsolatedSession

if TYPE_CHECKING:
    from pathlib import Path

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
    assert (caught.value.hint, caught.value.signal) == ("Leave this runtime out.", "SIGABRT")
    assert any("Aborted" in line for line in caught.value.log)


def test_a_crash_while_it_opens_the_file(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolated, "TIMEOUT_S", 0.001)
    with pytest.raises(RuntimeCrashedError, match="while opening the file"):
        IsolatedSession("reference", plain)
    assert psutil.Process().children() == []


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


@pytest.mark.long
def test_nothing_that_it_prints_is_seen(plain: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """TensorFlow, for one, prints in C++ when it starts."""
    with IsolatedSession("keras", plain) as session:
        session.run(IMAGES)
    assert capfd.readouterr() == ("", "")


def test_what_does_not_answer_in_time_is_a_crash(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolated, "TIMEOUT_S", 3)
    with (
        IsolatedSession("synthetic,fail=hang", plain) as session,
        pytest.raises(RuntimeCrashedError, match="its process gave no sign of life for 3 s while running it"),
    ):
        session.run(IMAGES)
