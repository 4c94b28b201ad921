"""Figures: in each module one function gives plain data and another draws it.

All are drawn with what the wing `drawing` has.
"""
