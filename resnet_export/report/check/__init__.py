"""What people look at of a check against a baseline."""
