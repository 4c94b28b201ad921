"""The deep search: the best mapping on a hierarchy of any levels and fan-outs.

It branches over loop orders and splits, axis by axis, under a bound that adds up over the axes. `solve` runs searches;
`drafts` and `problem` state them in numbers, `splits` tabulates, `bounds` bounds, `tree` searches, `fronts` looks for
fronts, `sketch` for first mappings, `leaf_walk`, `leaves` and `nest` price, and `kept` remembers.
"""
