"""The command line, the only floor that prints: what its verbs share, and the verbs in a wing of their own.

Heavy imports wait until a verb needs them.
"""
