"""The declared space, the samplers that propose designs from it, and how a proposal becomes hardware.

What needs no mapping, such as area and rules on shape, rules a proposal out before it costs a trial.
"""
