"""Timeloop's files: written by `export`, read by `read`.

`machine`, `flat`, `subtree` and `nodes` read architectures of all its versions into one record, `directives` its
mappings and constraints, `energies` its tables of energies; `lowering` makes what we have words for of them.
"""
