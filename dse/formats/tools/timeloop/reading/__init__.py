"""What Timeloop's files say: the machine, its mappings and constraints, its tables of energies and its problems.

Files of all its versions end in the same records, each field with the place where it was written.
"""
