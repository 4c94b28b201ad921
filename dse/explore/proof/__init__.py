"""Proof over a whole design space: every design is evaluated, ruled out by a lower bound, or counted as open."""
