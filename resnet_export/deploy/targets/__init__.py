"""The targets, each described by a `Target`."""
