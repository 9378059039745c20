"""A network read off a graph: `read(model, image)` makes a `Network` and its numbers of any raw topology or `.onnx`.

One pass in topological order, by abstract interpretation: nothing is rewritten. A value of the graph is a number,
which depends on parameters and constants alone, or a feature: a step's output, seen through a permutation of its axes.
"""

from resnet_export.graph.reading.reader import Reading, Shown, read

__all__ = ["Reading", "Shown", "read"]
