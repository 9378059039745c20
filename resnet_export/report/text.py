"""The former name of `export` and `verify.findings`, for modules that still use it."""

from __future__ import annotations

from resnet_export.report.export import render
from resnet_export.report.verify.findings import findings, located, sentences

__all__ = ["findings", "located", "render", "sentences"]
