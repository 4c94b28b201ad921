"""What importers of ONNX and PyTorch share: a graph of operations with shapes, and how it becomes a workload.

Nothing here reads a file.
"""
