"""`Worker`: the parent's side of a process that answers one request at a time."""

import contextlib
import os
import pickle
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from typing import IO, Any

import psutil

from resnet_export import errors
from resnet_export.errors import ResNetExportError, RuntimeCrashedError, RuntimeFailedError

COMMAND = ("-P", "-m", "resnet_export.workers.server")
"""-P: a file in the current folder that is called like a package is not that package."""
TIMEOUT_S = 300.0
"""Seconds without a sign of life after which a worker hangs. TensorRT and torch.compile build for minutes."""
LOG_LINES = 40
"""Lines of the log that are kept with a crash: Python's own account of it takes some thirty."""
SECONDS_TO_END = 5.0
"""From the end of its pipe to the end of a process, which may write its memory to a file before."""


class Worker(contextlib.AbstractContextManager["Worker"]):
    """A process with an object whose methods the parent calls. A context manager: the process is gone on leaving.

    On Linux it also ends with the thread that has made it, which therefore has to live as long.
    """

    def __init__(
        self,
        target: str,
        *,
        environment: Mapping[str, str] | None = None,
        timeout_s: float = TIMEOUT_S,
        hint: str | None = None,
    ) -> None:
        """Starts the process.

        Args:
            target: `module:Class` of the object. It is made in the process as `Class(report)`, for the first request;
                `report(value)` sends progress, which is also a sign of life.
            environment: variables that the process has besides the parent's.
            timeout_s: seconds without a sign of life after which the process is ended.
            hint: what to do when the process dies.
        """
        self.timeout_s, self._hint, self._doing, self._suspended = timeout_s, hint, "starting", False
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the worker
        # What a library or a converter leaves behind goes with the worker, however that ends.
        self._folder = tempfile.TemporaryDirectory(prefix="resnet-export-", ignore_cleanup_errors=True)
        temporary = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), self._folder.name)
        self._process = subprocess.Popen(
            [sys.executable, *COMMAND, target],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            start_new_session=True,  # Ctrl-C is the parent's
            env={**os.environ, **temporary, **(environment or {})},
        )
        self.pid = self._process.pid
        self._handle = psutil.Process(self.pid)
        self._answers: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        # A pipe by itself can't be waited for with a time limit on Windows.
        threading.Thread(target=self._read, daemon=True).start()

    def __exit__(self, *error: object) -> None:
        """Ends the process."""
        self.close()

    def call(
        self,
        method: str,
        *arguments: Any,
        progress: Callable[[Any], object] | None = None,
        doing: str = "running it",
    ) -> Any:
        """Calls a method of the target and waits for it, see `send` and `receive`."""
        self.send(method, *arguments, doing=doing)
        return self.receive(progress=progress)

    def send(self, method: str, *arguments: Any, doing: str = "running it") -> None:
        """Calls a method of the target and does not wait for it. A suspended worker is resumed.

        Args:
            method: its name.
            arguments: anything that can be pickled.
            doing: what the process does meanwhile, for messages.
        """
        assert self._process.stdin is not None, "Popen was given a pipe"
        self._doing = doing
        request = pickle.dumps((method, arguments), pickle.HIGHEST_PROTOCOL)
        self.resume()
        with contextlib.suppress(OSError, ValueError):  # it died, which shows in the answer
            self._process.stdin.write(request)
            self._process.stdin.flush()

    def receive(self, *, progress: Callable[[Any], object] | None = None) -> Any:
        """Waits for what the method returns.

        Args:
            progress: is given each value that the target reports.

        Raises:
            ResNetExportError: what the method raised; `RuntimeFailedError` where it was none of this package's errors.
            RuntimeCrashedError: the process died, or gave no sign of life and was ended.
        """
        while True:
            try:
                kind, value = self._answers.get(timeout=self.timeout_s)
            except queue.Empty:
                if self._process.poll() is not None:  # a process that it has forked holds the pipe open
                    raise self._over("") from None
                how = f"gave no sign of life for {self.timeout_s:g} s while {self._doing}, and was ended"
                raise self._over(how, hung=True) from None
            match kind:
                case "done":
                    return value
                case "error":
                    raise _rebuilt(*value)
                case "over":
                    raise self._over(value)
            if progress is not None:
                progress(value)

    def suspend(self) -> None:
        """Stops the process with its threads until `resume` or the next request."""
        with contextlib.suppress(psutil.Error):  # it died, which shows in the next answer
            self._handle.suspend()
            self._suspended = True

    def resume(self) -> None:
        """Lets a suspended process go on."""
        if self._suspended:
            with contextlib.suppress(psutil.Error):
                self._handle.resume()
            self._suspended = False

    def close(self) -> None:
        """Ends the process, suspended or not, and what it has started."""
        end(self._process)
        self._log.close()
        self._folder.cleanup()

    def _read(self) -> None:
        """Forwards the answers as they come, and at last how they ended."""
        assert self._process.stdout is not None, "Popen was given a pipe"
        try:
            while True:
                self._answers.put(pickle.load(self._process.stdout))
        except (EOFError, OSError, ValueError, pickle.UnpicklingError):  # the pipe is closed, perhaps in an answer
            self._answers.put(("over", ""))
        except Exception:  # whatever another package's objects raise when they are unpickled
            self._answers.put(("over", "gave an answer that cannot be read"))

    def _over(self, how: str, *, hung: bool = False) -> RuntimeCrashedError:
        """Ends the process, and says how it ended: by itself, where `how` is empty."""
        if not how:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=SECONDS_TO_END)
        end(self._process)
        self._answers.put(("over", how))  # for who asks it again
        code = self._process.returncode
        return RuntimeCrashedError(
            f"its process {how or f'{how_ended(code)} while {self._doing}'}",
            hint=self._hint,
            log=last_lines(self._log),
            signal=None if how else signal_of(code),
            hung=hung,
        )


def _rebuilt(name: str, message: str, attributes: Mapping[str, Any]) -> ResNetExportError:
    """An error as the worker raised it, whatever arguments its class takes."""
    kind: type[ResNetExportError] = getattr(errors, name, RuntimeFailedError)
    error = kind.__new__(kind, message)
    vars(error).update(attributes)
    return error


def how_ended(code: int) -> str:
    """An exit code in words: `left with exit code 3`, `was ended by SIGSEGV`."""
    name = signal_of(code)
    if name is None:
        return f"left with exit code {code}"
    return f"was ended by {name}" + (", as the kernel does when memory runs out," if name == "SIGKILL" else "")


def signal_of(code: int) -> str | None:
    """The name of the signal that ended a process; None where it left by itself."""
    if code >= 0:
        return None
    with contextlib.suppress(ValueError):
        return signal.Signals(-code).name
    return f"signal {-code}"


def last_lines(log: IO[bytes]) -> tuple[str, ...]:
    """The last of what a process printed to a file."""
    log.seek(0)
    return tuple(log.read().decode(errors="replace").splitlines()[-LOG_LINES:])


def end(process: subprocess.Popen[bytes]) -> None:
    """Kills a process with its children, such as compilers, and closes its pipes."""
    if process.poll() is None:  # else its number may be another's by now
        with contextlib.suppress(psutil.Error):
            for child in psutil.Process(process.pid).children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    child.kill()
    process.kill()
    process.wait()
    if process.stdin and not process.stdin.closed:  # the first time, when its number can't be another's yet
        with contextlib.suppress(OSError, AttributeError):  # it leads no group, or Windows has none
            os.killpg(process.pid, signal.SIGKILL)
    for pipe in (process.stdin, process.stdout):
        with contextlib.suppress(OSError):
            pipe and pipe.close()
