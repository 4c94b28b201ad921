"""Proof over a whole design space: every design is evaluated, ruled out by a lower bound, or counted as open.

Bounds hold for boxes of designs, so that most of them are never looked at one by one.
"""
