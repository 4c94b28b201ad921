"""Timeloop's files: written by `export`, read by `read`.

`machine`, `flat`, `subtree` and `nodes` read architectures of all its versions into one record, `directives` its
mappings and constraints, `energies` its tables of energies; `plan`, `rules`, `nest` and `write` say them in our words.
"""
