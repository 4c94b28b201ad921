"""Kernels to machine code: `twins` compiles each once, and `cache` finds the folder where the result is kept.

`numba_internals` has all that reaches into numba's private parts, with the versions that it is tested with. What it
makes in LLVM's language comes with the package (`portable`), named after its `sources`. `machine_code` has the calling
convention, `code_files` the files; none of these but `numba_internals` needs numba to be imported.
"""
