"""How good a subproblem of the deep search can be at most.

`terms` states energy, time and room as sums of products over axes, `dual` bounds them with weights that `newton` finds
on a `small` problem, `sift` drops the splits that no answer can have, and `subproblem` puts these together.
"""
