"""A file in reduced precision, proven where it will run, or refused: `quantize(source, output, calibrate=...)`."""
