"""What a text of SQL or a column type means, and how names and numbers are written."""
