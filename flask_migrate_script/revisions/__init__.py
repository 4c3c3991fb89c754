"""Revision files, and where databases are among them; no script is run."""
