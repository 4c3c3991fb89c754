"""Nothing half done: a migration happens once, whole, or not at all."""

from .run import connected, guarded, locked
from .settings import Settings, settings

__all__ = ["Settings", "connected", "guarded", "locked", "settings"]
