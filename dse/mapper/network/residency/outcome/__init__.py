"""A run of a network with tensors at home, in names and figures: what stays where and when, and why others do not.

A run that comes from a file is checked here: whether it can be run as it says.
"""
