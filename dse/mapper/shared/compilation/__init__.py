"""Kernels to machine code: `twins` compiles each once, and `cache` finds the folder where the result is kept.

`numba_internals` has all that reaches into numba's private parts, with the versions that it is tested with;
`machine_code` has the calling convention of its code, and works where numba is not imported.
"""
