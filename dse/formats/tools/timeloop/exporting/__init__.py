"""What Timeloop's files need of one of our machines.

Its parts, its tables of energies, and a list of what cannot be said there.
"""
