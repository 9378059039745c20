"""The networks, each idiomatic in its framework: `build`, `load` and `read` in every module."""

FRAMEWORKS = ("torch", "keras")
"""Each has a module of its name here, in `convert`, in `live` and in `runtimes`."""
