"""What became of bundles, for people and for other programs."""
