"""What a sweep is to do, decided before it runs: the space, what is searched for and how, and changes to its inputs.

Nothing here evaluates a design.
"""
