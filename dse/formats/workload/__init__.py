"""Workload files: their models, the operations that make up layers, parameters, reading and writing.

`load` is the door.
"""
