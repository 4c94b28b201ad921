"""Energy, time and room as sums of terms, each a product of one factor per axis.

`crossings`, `folds` and `steps` say what is counted, `terms` states the sums, `objective` those of energy and time and
`limits` those of room; `columns` finds the factors of their terms. Kernels read them as `records`. `sift` drops splits
by the sums themselves; `shrink` makes a walk's sums short, and `axis_sums` adds them up for many splits of an axis.
"""
