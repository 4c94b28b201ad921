"""Figures: in each module one function gives plain data and another draws it.

All take their colours from `style` and become files through `save`.
"""
