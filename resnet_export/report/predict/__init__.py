"""What `predict` answered, for people and for other programs."""
