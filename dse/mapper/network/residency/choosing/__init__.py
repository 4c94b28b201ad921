"""The choice of homes for a whole network, given what each step costs at them, and offsets for the tensors in a level.

Both are integer programmes, which HiGHS solves.
"""
