"""Boxes of designs: what they hold, how they are split, and the corners that bound them.

Nothing here knows what a design costs.
"""
