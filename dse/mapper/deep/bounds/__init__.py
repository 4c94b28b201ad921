"""How good a subproblem of the deep search can be at most.

`sums` states energy, time and room as sums of products over axes, and drops splits that are too dear each by itself;
`weights` bounds these sums with weights and finds good ones; `necessary` says what every mapping must do besides.
`subproblem` puts them together. `layer_spaces` and `spaces` make whole spaces of a layer, `roots` subproblems of them,
with `stand_ins` for splits that differ in outer lists. `left`, `dominance`, `mirror`, `finished` and `kindred` tell
which splits and kindred spaces need not be looked at by themselves, `halves` and `sharing` where to cut. `best` is what
a search is for and has found, and `kept` what earlier searches leave to later ones.
"""
