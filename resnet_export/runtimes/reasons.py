"""The old name of `resnet_export.error_text.error_text`, until all that use it are ported."""

from resnet_export.error_text import error_text as reason

__all__ = ["reason"]
