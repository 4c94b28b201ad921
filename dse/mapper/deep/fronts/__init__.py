"""Whole fronts of energy and time of the deep search, all points together.

`slices` has the points that are known and the times at which one may be missing; `whole` looks for it.
"""
