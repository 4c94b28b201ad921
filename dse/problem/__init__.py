"""What is to be computed: dims and operands, a layer with its shapes and footprint, and a workload as a graph.

It knows of no hardware, and imports nothing but errors.
"""
