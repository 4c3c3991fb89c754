"""Whether a dry run says what is lost: random migrations over random data, and the same loss found by comparing dumps.

``python -m tests.losses --scripts 3000 --database postgresql --seed 7``
"""
