"""The tree of subproblems: best bound first, until nothing is left that is better than the best mapping known.

`best_first` goes through it, `branching` cuts a subproblem into parts, `for_both` those that stand for two spaces, and
`walks` goes through the splits of one that is small enough. A search begins at what `earlier` ones have found, or
`start` looks for mappings before anything is cut; `exchange` makes them better, `improve` looks around the best one.
"""
