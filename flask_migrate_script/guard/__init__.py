"""A migration happens once, whole or not at all: the lock, the transaction, the waiting, the report."""
