"""What people look at: an export's result as data, and its rendering as text and JSON."""
