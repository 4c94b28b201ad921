"""The separable bound: a weighted product that is never above a sum of products, and the weights that make it high.

`family` bounds several subproblems at once. `dual` bounds one with weights and improves them, on a `small` problem of
the splits that `chosen` picks, by the steps of `newton`; `stairs` adds all steps of a front.
"""
