"""Words moved in closed form, over loops and axes that compiled code reads too.

Timeloop's counting stands beside ours; the simulator, which both are held against, takes nothing from here.
"""
