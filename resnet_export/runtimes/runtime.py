"""`Runtime`: what can open a network.

A third party adds a runtime with an entry point in the group `resnet_export.runtimes`:

    [project.entry-points."resnet_export.runtimes"]
    mine = "my_package:RUNTIME"

where `RUNTIME = Runtime(MyOptions, probe, MySession)`, or another object with these attributes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from resnet_export.runtimes.session import Session


@dataclass(frozen=True)
class Runtime:
    """One way to run a network."""

    options: type[Any]
    """A frozen dataclass whose fields all have defaults; None as a default means the runtime's own.

    What a user writes as `name,field=value` is read by the fields' types, see `resnet_export.runtimes.options`.
    """
    probe: Callable[[], str]
    """Finds out whether it can run here, without opening a network.

    It returns what would run, for people: `openvino 2026.4.1, CPU`. It raises MissingDependencyError where a package
    is not installed, with the pip line as the hint, and UnavailableError where a library, driver or device is missing.
    """
    open: Callable[[Any, Any], Session]
    """Opens a file: its path and an instance of `options` give a session.

    It raises what `probe` raises; ModelError where it cannot load the file; and NotApplicableError where it is of a
    kind that cannot run this file, whatever the file's state.
    """
    library: str | None = None
    """The package that `open` imports, so that a benchmark can tell how long that alone takes."""
