"""What `score` wrote, for people."""
