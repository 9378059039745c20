"""Where the time of a run goes: ONNX Runtime's profiler, node by node, in the terms of the file's layers."""
