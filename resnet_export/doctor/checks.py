"""The process in which runtimes are checked: `python -m resnet_export.doctor.checks NAME...`, one JSON line for each.

It exists to be killed: what a native library prints goes nowhere, and where one crashes, the line stays out.
"""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

from resnet_export.errors import MissingDependencyError, ResNetExportError

if TYPE_CHECKING:
    from collections.abc import Sequence

PROVIDERS = "onnxruntime providers"
"""Stands for the question which providers were compiled into ONNX Runtime; no runtime's name has a blank."""
LONGEST = 2000
"""Characters of a reason: some libraries put a stack trace into theirs."""


def check(name: str) -> dict[str, Any]:
    """Whether a runtime runs here, as `RuntimeCheck` has it."""
    try:
        if name == PROVIDERS:
            return _outcome(name, "usable", json.dumps(_providers()))
        from resnet_export.runtimes import find

        return _outcome(name, "usable", str(find(name).check()))
    except MissingDependencyError as error:
        return _outcome(name, "missing", error.message, error.hint)
    except ResNetExportError as error:
        return _outcome(name, "unavailable", error.message, error.hint)
    except (Exception, SystemExit) as error:
        return _outcome(name, "failed", f"{type(error).__name__}: {error}")


def main(names: Sequence[str]) -> None:
    """Checks one after the other, and leaves without Python's farewell, in which native libraries like to crash."""
    # The pipe moves out of the way of whatever writes to stdout, and no child inherits it.
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nothing = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, 2):
        os.dup2(nothing, descriptor)
    for name in names:
        channel.write(json.dumps(check(name)) + "\n")
        channel.flush()
    os._exit(0)


def _outcome(name: str, state: str, detail: str, hint: str | None = None) -> dict[str, Any]:
    shortened = detail if len(detail) <= LONGEST else f"{detail[:LONGEST]}..."
    # Whoever reads this need not be sent here.
    advice = None if hint is None or "resnet-export doctor" in hint else hint
    return {"name": name, "state": state, "detail": shortened, "hint": advice}


def _providers() -> list[str]:
    import onnxruntime

    found: list[str] = onnxruntime.get_available_providers()
    return found


if __name__ == "__main__":
    main(sys.argv[1:])
