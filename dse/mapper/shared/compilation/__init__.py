"""Kernels to machine code: `twins` compiles each once, and `cache` finds the folder where the result is kept.

All that reaches into numba's private parts stands in `numba_internals` and `late_code`.
"""
