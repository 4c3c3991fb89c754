"""How long a wait is before anything is said or done."""

AFTER = 5.0
"""Seconds of waiting after which it is told."""

BESIDE_OTHER_THREADS = 10.0
"""Seconds to wait for a session of this process where other threads run: one of them may be about to end it."""

BESIDE_OTHER_TRANSACTIONS = 15.0
"""Seconds to wait where a session of this process may hold the lock, and so may sessions of other processes."""
