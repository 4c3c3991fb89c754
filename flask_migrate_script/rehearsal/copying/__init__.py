"""A copy of a MySQL or MariaDB database to rehearse on: what is in it, and what the real one has to be asked."""
