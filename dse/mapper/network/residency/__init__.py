"""Which tensors of a network stay on chip, and how its layers run in the room that is left: the optimum, with proof.

`graph` has the network's steps and tensors, `columns` what a step costs at the homes and rooms that it may have, made
when asked for, `choose` the choice as an integer programme, `placing` offsets for what is chosen, `search` the rounds
between them, and `result` what comes out.
"""
