"""Generated migrations that keep the data."""
