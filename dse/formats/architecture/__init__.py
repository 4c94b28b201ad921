"""Architecture files: their models, how they become a machine, dataflows, and the spaces and constraints of a sweep.

`load` is the door.
"""
