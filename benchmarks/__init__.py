"""How fast this package is beside Flask-Migrate: ``python -m benchmarks``."""
