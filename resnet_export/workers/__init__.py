"""What runs in a process of its own: `Worker` is one such process, and `stream` runs a method on many items in several.

A crash, a hang and a library that prints to stdout then concern that process alone.
"""

from resnet_export.workers.client import TIMEOUT_S, Worker
from resnet_export.workers.pool import stream

__all__ = ["TIMEOUT_S", "Worker", "stream"]
