"""`Opening`: how the process of a case gets from what it was told to a network that can be called."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from resnet_export.bench.network import Network
from resnet_export.errors import ResNetExportError
from resnet_export.runtimes import choose

if TYPE_CHECKING:
    from resnet_export.bench.request import Request
    from resnet_export.bench.scenario import Scenario
    from resnet_export.runtimes.session import Session


class Opening:
    """A case in its process: its runtime is chosen, then `load` imports it, and `open` opens the file."""

    session: Session
    """Once the file is open."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._choice = choose(request.runtime, allow_fallback=request.allow_fallback)
        self._version = ""

    def load(self) -> None:
        """Finds out whether the runtime can run here, and imports its library.

        Raises:
            ResNetExportError: it can't, and nothing may stand in for it.
        """
        try:
            version = self._choice.probe()
            self._choice.load()
            self._version = version
        except ResNetExportError:
            if not self._request.allow_fallback:
                raise

    def open(self, scenario: Scenario) -> Network:
        """Opens the file.

        Args:
            scenario: in which the network is to be called.

        Raises:
            ResNetExportError: the runtime can't.
            NotApplicableError: it doesn't take the batches or callers.
        """
        # It is never closed: some runtimes hang or crash at that, and the process ends anyway.
        self.session = self._choice.open(Path(self._request.path))
        network = Network(self.session, self._request.images, self._request.boundary)
        network.refuse(scenario, self._request.batch)
        return network

    def what_ran(self) -> dict[str, Any]:
        """Version, precision, device, nodes and fallback, as plain data."""
        placement = self.session.placement()
        return {
            "version": self._version or self.session.version,  # the session's where the CPU stands in
            "precision": self.session.precision,
            "device": placement.device,
            "nodes": dict(placement.nodes),
            "fallback": placement.fallback,
        }
