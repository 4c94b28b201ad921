"""A first mapping at once: made from a layer and a machine alone, before any table of splits is there.

`first` sketches for each choice of bypasses. `sums` and `spreads` prepare; `estimate` says about what a mapping costs,
`moves` makes it better, and `sketch` has the model price the best ones.
"""
