"""What no design of a box goes below: from roots of searches, from searches run to a gap, and held against a front.

The tasks here run in workers.
"""
