"""Nothing half done: a migration happens once, whole, or not at all."""

from .options import Settings, settings
from .run import connected, guarded, locked

__all__ = ["Settings", "connected", "guarded", "locked", "settings"]
