"""A whole network on one accelerator: the sums of its layers' fronts, and the best choice among them.

Each layer is mapped by the searches of the wings beside this one.
"""
