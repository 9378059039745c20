"""The truth: networks evaluated in float64, by neither framework and by no runtime."""
