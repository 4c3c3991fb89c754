"""Scratch databases: found or made, marked, locked, and dropped: where something may be tried that must not last."""
