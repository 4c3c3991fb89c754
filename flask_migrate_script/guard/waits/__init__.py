"""Waits inside the database: who waits, who holds what it needs, and whether both are this very process."""
