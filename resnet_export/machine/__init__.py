"""What this machine is: `read_machine()` gives a `Machine`, the fingerprint of whatever is measured on it."""

from resnet_export.machine.facts import Machine, read_machine

__all__ = ["Machine", "read_machine"]
