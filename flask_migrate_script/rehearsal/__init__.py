"""The dry run: a migration that is run, looked at and rolled back."""
