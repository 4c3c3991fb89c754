"""See it before you do it: where the databases are, what the history looks like, what a migration would do."""
