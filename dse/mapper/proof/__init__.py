"""Proofs in files: `write` puts down what shows that a mapping is the best one, `check` follows it on its own.

`check` imports nothing of dse, so that nobody has to trust the search that it checks.
"""
