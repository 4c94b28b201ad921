"""PyTorch modules and torchvision models to workloads, by tracing the shapes that a forward pass has.

`model` and `torchvision` are the doors; torch is imported only inside them.
"""
