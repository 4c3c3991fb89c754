"""Alembic's operations in words: what each is about, what it does, and what it says that differs."""
