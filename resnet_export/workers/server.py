"""The worker's side of the pipes: `python -P -m resnet_export.workers.server module:Class`.

Requests come on stdin as pickles of (method, arguments). Answers go to stdout as pickles: any number of ("progress",
value), and then ("done", value) or ("error", (class, message, attributes)). What native libraries print to stdout goes
to stderr, which the parent keeps in a file.
"""

import contextlib
import ctypes
import faulthandler
import os
import pickle
import pkgutil
import queue
import signal
import sys
import threading
from typing import Any

from resnet_export.error_text import error_text
from resnet_export.errors import ResNetExportError, RuntimeFailedError

PR_SET_PDEATHSIG = 1
"""The option of Linux's prctl that names the signal which a process gets when its parent dies."""


def serve(name: str) -> None:
    """Answers requests. The target `module:Class` is imported and made as `Class(report)` for the first of them."""
    requests = requests_while_parent_lives()
    answers, lock = os.fdopen(os.dup(1), "wb"), threading.Lock()
    os.dup2(2, 1)
    faulthandler.enable()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends it

    def send(kind: str, value: Any) -> None:
        message = pickle.dumps((kind, value), pickle.HIGHEST_PROTOCOL)
        with lock:  # any thread may report progress
            answers.write(message)
            answers.flush()

    target: Any = None
    while True:
        request = requests.get()
        try:
            if isinstance(request, Exception):
                raise request
            if target is None:
                target = pkgutil.resolve_name(name)(lambda value: send("progress", value))
            method, arguments = request
            send("done", getattr(target, method)(*arguments))
        except (Exception, SystemExit) as error:  # a library may raise anything
            if not isinstance(error, ResNetExportError):
                why = error_text(error if isinstance(error, Exception) else repr(error))
                error = RuntimeFailedError(f"It failed: {why}.")
            kind, attributes = type(error).__name__, vars(error)
            try:
                send("error", (kind, error.message, attributes))
            except Exception:  # whatever pickling an attribute raises; the words can be sent
                send("error", (kind, error.message, {"message": error.message, "hint": error.hint}))


def requests_while_parent_lives() -> queue.SimpleQueue[Any]:
    """The requests as they come. The process ends with its parent, which shows at the end of stdin.

    One that is suspended reads nothing, so that Linux is asked to end it. Python's own way to end is avoided: some
    libraries crash or hang in their destructors.
    """
    requests: queue.SimpleQueue[Any] = queue.SimpleQueue()
    stream = os.fdopen(os.dup(0), "rb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # no library, and no process that it starts, reads the requests

    def read() -> None:
        while True:
            try:
                requests.put(pickle.load(stream))
            except EOFError:
                os._exit(0)
            except Exception as error:  # whatever unpickling raises
                requests.put(error)

    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    threading.Thread(target=read, daemon=True).start()
    return requests


if __name__ == "__main__":
    serve(sys.argv[1])
