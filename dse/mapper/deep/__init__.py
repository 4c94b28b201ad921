"""The deep search: the best mapping on a hierarchy of any levels and fan-outs.

It branches over loop orders and splits, axis by axis, under a bound that adds up over the axes. `problem` states it in
numbers, with a `record` for each mapping, and `drafts` for each choice of bypasses; `lists` says what may be laid down
about orders, and `splits` tabulates the rest. `bounds` bounds subproblems, `leaf` walks small ones and prices mappings,
`tree` cuts the others, best bound first. `sketch` makes a first mapping, `fronts` looks for fronts, and `solve` runs
searches: with a gap, `coarse` may end one before its tables are made. `known` is what another search has found, and
`lower` bounds a design without a search.
"""
