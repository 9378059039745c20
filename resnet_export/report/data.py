"""Moved to `resnet_export.pipeline.report`."""

from resnet_export.pipeline.report import ExportReport as ExportReport
