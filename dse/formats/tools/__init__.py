"""Files of other tools: SCALE-Sim topologies, Timeloop problems, architectures and mappings.

One module a tool, or a wing.
"""
