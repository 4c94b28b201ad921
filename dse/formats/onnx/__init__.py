"""ONNX files to workloads, read from their bytes, with shapes that are worked out where a file leaves them open.

`model` is the door; no model is ever run.
"""
