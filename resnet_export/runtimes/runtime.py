"""`Runtime`: what can open a network, and what it takes to be one.

A third party adds a runtime with an entry point in the group `resnet_export.runtimes`:

    [project.entry-points."resnet_export.runtimes"]
    mine = "my_package:RUNTIME"

where `RUNTIME` is an object with the two methods and the attribute below.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    from resnet_export.runtimes.session import Session


class Runtime(Protocol):
    """One way to run a network.

    It may also have `library`, the name of the package that `open` imports, so that a benchmark can tell how long that
    alone takes.

    Attributes:
        options: a frozen dataclass whose fields all have defaults; None as a default means the runtime's own.
            What a user writes as `name,field=value` is read by the fields' types
            (see `resnet_export.runtimes.options`).
    """

    @property
    def options(self) -> type[Any]:
        """The dataclass of its options."""
        ...

    def check(self) -> str:
        """Finds out whether it can run here, without opening a network.

        Returns:
            What would run, for people: `openvino 2026.4.1, CPU`.

        Raises:
            MissingDependencyError: a package is not installed; the hint is the pip line.
            UnavailableError: a library, driver or device is missing.
        """
        ...

    def open(self, path: Path, options: Any) -> Session:
        """Opens a file.

        Args:
            path: of the `.onnx` file.
            options: an instance of the class `options`.

        Raises:
            MissingDependencyError: a package is not installed.
            UnavailableError: a library, driver or device is missing.
            ModelError: it cannot load the file.
            NotApplicableError: it is of a kind that cannot run this file, whatever the file's state.
        """
        ...
