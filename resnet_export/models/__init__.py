"""The networks, each idiomatic in its framework: `build`, `load` and `read` in every module."""

FRAMEWORKS = {
    "torch": "resnet_export.models.torch",
    "keras": "resnet_export.models.keras",
}
"""Framework -> the module that holds its definition."""
