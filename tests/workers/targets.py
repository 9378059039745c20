"""What the workers of these tests run."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from resnet_export.errors import ParityError, StructureError, UsageError
from resnet_export.workers import Worker

if TYPE_CHECKING:
    from collections.abc import Callable

TARGET = "tests.workers.targets:Target"
SLEEPS = "import time; time.sleep(600)"


class Unreadable:
    def __reduce__(self) -> tuple[Any, ...]:
        return fail_elsewhere, (os.getpid(),)


def fail_elsewhere(made_in: int) -> None:
    if made_in != os.getpid():
        raise RuntimeError("not here")


class Target:
    """Does what it is told, and behaves as badly."""

    def __init__(self, report: Callable[[Any], None]) -> None:
        self._report = report
        self._calls = 0

    def echo(self, value: Any) -> Any:
        return value

    def count(self) -> int:
        self._calls += 1
        return self._calls

    def pid(self, _: object = None) -> int:
        return os.getpid()

    def modules(self) -> list[str]:
        return list(sys.modules)

    def die(self, signal: int) -> None:
        print("last words", flush=True)
        os.kill(os.getpid(), signal)

    def act(self, what: str) -> str:
        """For the pool."""
        match what:
            case "die":
                os._exit(3)
            case "hang":
                time.sleep(600)
            case "refuse":
                raise UsageError("not so", hint="so")
        return f"{what} by {os.getpid()}"

    def fork_and_die(self) -> None:
        if os.fork():
            os._exit(3)
        time.sleep(600)

    def leave(self, code: int) -> None:
        os._exit(code)

    def exit(self) -> None:
        sys.exit(3)

    def hang(self) -> None:
        time.sleep(600)

    def progress(self, pauses: list[float]) -> str:
        for index, pause in enumerate(pauses):
            time.sleep(pause)
            self._report((index, "so far"))
        return "done"

    def progress_of_threads(self, count: int) -> str:
        threads = [threading.Thread(target=lambda: [self._report(b"x" * 50_000) for _ in range(count)])
                   for _ in range(4)]  # fmt: skip
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return "done"

    def chatter(self) -> str:
        os.write(1, b"from C\n")
        print("from Python", flush=True)
        return sys.stdin.read()

    def usage(self) -> None:
        raise UsageError("It was told so.", hint="Tell it something else.")

    def structure(self) -> None:
        raise StructureError("conv1", "is not there", cause="somebody took it")

    def division(self) -> float:
        return 1 / (self._calls - self._calls)

    def unsendable_error(self) -> None:
        raise ParityError("It is another network.", hint="Take the right one.", report=threading.Lock())

    def unsendable(self) -> Any:
        return lambda: None

    def unreadable(self) -> Any:
        return Unreadable()

    def temporary(self) -> str:
        folder = Path(os.environ["TMPDIR"])
        (folder / "left").write_text("behind")
        return str(folder)

    def environment(self, name: str) -> str | None:
        return os.environ.get(name)

    def start_child(self) -> int:
        return subprocess.Popen([sys.executable, "-c", SLEEPS]).pid

    def start_worker(self) -> int:
        """A worker of a worker."""
        self._inner = Worker(TARGET)
        inner: int = self._inner.call("pid")
        return inner

    def suspend_worker(self) -> None:
        self._inner.suspend()
