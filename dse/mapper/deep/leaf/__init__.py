"""Leaves of the deep search, where mappings are priced.

`walk` goes through combinations of splits, `orders` through those of their lists, and `nest` prices by the model.
"""
