"""Energy, time and room as sums of terms, each a product of one factor per axis.

`crossings`, `folds` and `steps` say what is counted, `terms` states the sums, and `columns` finds the factors of their
terms. `sift` drops splits by the sums themselves; `shrink` and `last_axis` make a walk's sums short.
"""
