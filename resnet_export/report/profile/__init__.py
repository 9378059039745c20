"""What people look at of a profile."""
