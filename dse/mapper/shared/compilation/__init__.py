"""Kernels to machine code: `twins` compiles each once, and `cache` finds the folder where the result is kept.

All that reaches into numba's private parts stands in three modules: `numba_internals` knows the tested versions,
`late_code` makes code, `machine_code` calls it.
"""
