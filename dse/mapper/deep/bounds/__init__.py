"""How good a subproblem of the deep search can be at most.

`sums` states energy, time and room as sums of products over axes, and drops splits that are too dear each by itself;
`weights` bounds these sums with weights and finds good ones; `subproblem` puts both together, `spaces` makes the first
subproblems, and the others tell which splits and kindred spaces need not be looked at.
"""
