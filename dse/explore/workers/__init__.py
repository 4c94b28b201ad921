"""Where designs are evaluated: processes of this machine, or of a cluster, that may die without ending the sweep.

A batch that is lost is made again, and a design that kills its worker is recorded as failed.
"""
