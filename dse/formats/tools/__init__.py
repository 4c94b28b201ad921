"""Files of other tools: SCALE-Sim's, Timeloop's, ZigZag's and MAESTRO's.

One module a tool, or a wing.
"""
