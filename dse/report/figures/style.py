"""The colours of every figure."""

from __future__ import annotations

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's palette, which colour-blind readers can tell apart; shapes differ too."""

INK, QUIET = "#222222", "#8a8a8a"
"""Of what is to be read, and of what stands back."""
