"""The property test of the truth: random migrations, and what is said of a database against what is in it.

:mod:`.actions` makes scripts from a seed, :mod:`.dumps` reads a whole database, :mod:`.oracle` judges sentences, and
:mod:`.run` runs the real command line. ``python -m tests.truth --help`` is the command.
"""
