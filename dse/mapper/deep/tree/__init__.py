"""The tree of subproblems: best bound first, until nothing is left that is better than the best mapping known.

`best_first` goes through it, `branching` cuts a subproblem into parts, and `walks` goes through the splits of one that
is small enough. `start` looks for mappings before anything is cut, and `exchange` makes them better.
"""
