"""Which tensors of a network stay on chip, and how its layers run in the room that is left: the optimum, with proof.

`graph` has the network's steps and tensors, `columns` what a step costs at the homes and rooms that it may have, made
when asked for, `choosing` the choice as an integer programme with offsets for what is chosen, `search` the rounds
between them, and `outcome` what comes out.
"""
