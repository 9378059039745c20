"""One process: what it answers, and every way in which it can end."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import psutil
import pytest

from resnet_export.errors import ParityError, RuntimeCrashedError, RuntimeFailedError, StructureError, UsageError
from resnet_export.workers import Worker
from tests.workers.targets import TARGET

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="signals")


@pytest.fixture
def worker() -> Iterator[Worker]:
    with Worker(TARGET, timeout_s=60, hint="Leave it out.") as made:
        yield made


def soon(holds: Callable[[], bool]) -> bool:
    """Whether something comes to hold within ten seconds."""
    end = time.monotonic() + 10
    while not holds() and time.monotonic() < end:
        time.sleep(0.02)
    return holds()


def test_it_answers_with_one_object_until_it_is_closed(worker: Worker) -> None:
    assert [worker.call("count") for _ in range(3)] == [1, 2, 3]
    array = np.arange(1_000_000, dtype=np.float32)  # more than a pipe holds
    np.testing.assert_array_equal(worker.call("echo", array), array)
    assert worker.call("pid") == worker.pid
    worker.close()
    assert psutil.Process().children() == []


def test_it_imports_nothing_heavy_by_itself() -> None:
    with Worker("tests.workers.light:Light", timeout_s=60) as worker:
        assert not {"numpy", "onnx", "onnxruntime"} & set(worker.call("modules"))


@POSIX
def test_ctrl_c_is_the_parent_s(worker: Worker) -> None:
    worker.call("count")
    assert os.getsid(worker.pid) == worker.pid
    psutil.Process(worker.pid).send_signal(signal.SIGINT)
    assert worker.call("count") == 2


def test_two_work_at_the_same_time(worker: Worker) -> None:
    with Worker(TARGET) as other:
        for one in (worker, other):
            one.send("progress", [0.7])
        begin = time.monotonic()
        assert [one.receive() for one in (worker, other)] == ["done", "done"]
        assert time.monotonic() - begin < 60


@POSIX
@pytest.mark.parametrize(
    ("number", "words"),
    [
        (signal.SIGSEGV, "its process was ended by SIGSEGV while opening the file"),
        (signal.SIGKILL, "its process was ended by SIGKILL, as the kernel does when memory runs out, "
                         "while opening the file"),
    ],
)  # fmt: skip
def test_a_crash_is_an_error_with_the_signal_and_the_last_words(number: int, words: str, worker: Worker) -> None:
    for _ in range(2):  # whoever asks it again hears it again
        with pytest.raises(RuntimeCrashedError) as caught:
            worker.call("die", number, doing="opening the file")
        assert (caught.value.message, caught.value.hint) == (words, "Leave it out.")
        assert (caught.value.signal, caught.value.hung) == (signal.Signals(number).name, False)
        assert "last words" in caught.value.log


def test_an_exit_code(worker: Worker) -> None:
    with pytest.raises(RuntimeCrashedError, match="its process left with exit code 3 while running it") as caught:
        worker.call("leave", 3)
    assert (caught.value.signal, caught.value.hung) == (None, False)


@POSIX
def test_a_crash_that_leaves_a_child_with_the_pipe(worker: Worker) -> None:
    worker.timeout_s = 3
    with pytest.raises(RuntimeCrashedError, match="its process left with exit code 3") as caught:
        worker.call("fork_and_die")
    assert not caught.value.hung
    worker.close()


def test_a_hang_is_ended(worker: Worker) -> None:
    worker.call("count")
    worker.timeout_s = 1
    with pytest.raises(RuntimeCrashedError) as caught:
        worker.call("hang", doing="sampling")
    assert caught.value.message == "its process gave no sign of life for 1 s while sampling, and was ended"
    assert (caught.value.signal, caught.value.hung) == (None, True)
    assert psutil.Process().children() == []


def test_progress_is_told_and_is_a_sign_of_life(worker: Worker) -> None:
    worker.call("count")
    told: list[object] = []
    worker.timeout_s = 2.5
    assert worker.call("progress", [1.0] * 4, progress=told.append) == "done"
    assert told == [(index, "so far") for index in range(4)]
    assert worker.call("progress", [0.0]) == "done", "nobody needs to listen"


def test_threads_that_report_do_not_mix_their_messages(worker: Worker) -> None:
    told: list[bytes] = []
    assert worker.call("progress_of_threads", 20, progress=told.append) == "done"
    assert told == [b"x" * 50_000] * 80


def test_errors_of_ours_come_back_as_themselves(worker: Worker) -> None:
    with pytest.raises(UsageError) as caught:
        worker.call("usage")
    assert type(caught.value) is UsageError
    assert (caught.value.message, caught.value.hint) == ("It was told so.", "Tell it something else.")
    assert str(caught.value) == "It was told so.\nTell it something else."
    with pytest.raises(ParityError) as caught_too:  # of what it holds, only the words can be pickled
        worker.call("unsendable_error")
    assert str(caught_too.value) == "It is another network.\nTake the right one."
    with pytest.raises(StructureError) as found:  # its class takes other arguments
        worker.call("structure")
    assert (found.value.layer, found.value.cause) == ("conv1", "somebody took it")


@pytest.mark.parametrize(
    ("method", "message"),
    [
        ("division", "It failed: division by zero."),
        ("exit", r"It failed: SystemExit\(3\)\."),
        ("unsendable", r"It failed: .*pickle"),
        ("no_such_method", "It failed: 'Target' object has no attribute 'no_such_method'."),
    ],
)
def test_other_errors_are_failures_and_the_worker_lives_on(method: str, message: str, worker: Worker) -> None:
    for count in (1, 2):
        with pytest.raises(RuntimeFailedError, match=message) as caught:
            worker.call(method)
        assert type(caught.value) is RuntimeFailedError
        assert worker.call("count") == count


@pytest.mark.parametrize("target", ["tests.workers.targets:NoSuchTarget", "tests.workers.no_such_module:Target"])
def test_a_target_that_cannot_be_made(target: str) -> None:
    with Worker(target) as worker, pytest.raises(RuntimeFailedError, match=r"It failed: .*(attribute|module)"):
        worker.call("count")


def test_an_answer_that_cannot_be_read(worker: Worker) -> None:
    with pytest.raises(RuntimeCrashedError, match="its process gave an answer that cannot be read"):
        worker.call("unreadable")


def test_a_third_party_s_chatter_is_no_answer_and_is_not_seen(
    worker: Worker, capfd: pytest.CaptureFixture[str]
) -> None:
    assert worker.call("chatter") == "", "and nothing reads what the parent writes"
    assert capfd.readouterr() == ("", "")


def test_suspended_it_does_nothing_until_it_is_asked_again(worker: Worker) -> None:
    worker.call("count")
    process = psutil.Process(worker.pid)
    worker.suspend()
    assert soon(lambda: process.status() == psutil.STATUS_STOPPED)
    worker.resume()
    assert soon(lambda: process.status() != psutil.STATUS_STOPPED)
    worker.suspend()
    assert worker.call("count") == 2
    worker.suspend()
    worker.close()
    assert not process.is_running()


@POSIX
def test_one_that_dies_while_it_is_suspended(worker: Worker) -> None:
    worker.call("count")
    worker.suspend()
    psutil.Process(worker.pid).send_signal(signal.SIGKILL)
    with pytest.raises(RuntimeCrashedError, match="ended by SIGKILL"):
        worker.call("count")


def test_closing_ends_one_that_hangs_with_what_it_started(worker: Worker) -> None:
    """As on Ctrl-C, which comes between a request and its answer."""
    child = psutil.Process(worker.call("start_child"))
    worker.send("hang")
    worker.close()
    assert not psutil.pid_exists(worker.pid)
    assert soon(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)
    worker.close()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a suspended process stays")
@pytest.mark.parametrize("suspended", [False, True])
def test_it_dies_with_its_parent(suspended: bool, worker: Worker) -> None:
    inner = psutil.Process(worker.call("start_worker"))
    if suspended:
        worker.call("suspend_worker")
        assert soon(lambda: inner.status() == psutil.STATUS_STOPPED)
    psutil.Process(worker.pid).kill()
    assert soon(lambda: not inner.is_running() or inner.status() == psutil.STATUS_ZOMBIE)


def test_its_temporary_files_go_with_it(worker: Worker) -> None:
    folder = Path(worker.call("temporary"))
    assert (folder / "left").exists()
    worker.close()
    assert not folder.exists()


def test_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    with Worker(TARGET, environment={"OMP_NUM_THREADS": "2"}) as worker:
        assert worker.call("environment", "OMP_NUM_THREADS") == "2"


def test_a_file_beside_that_is_called_like_a_package_is_not_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "psutil.py").write_text("raise SystemExit('imported')")
    monkeypatch.chdir(tmp_path)
    with Worker(TARGET) as worker:
        assert worker.call("count") == 1
