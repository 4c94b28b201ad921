"""Comparisons: several networks on one accelerator, and several dataflows at equal area.

They run on the same workers as a sweep.
"""
