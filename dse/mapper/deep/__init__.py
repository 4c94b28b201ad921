"""The deep search: the best mapping on a hierarchy of any levels and fan-outs.

It branches over loop orders and splits, axis by axis, under a bound that adds up over the axes.
"""
