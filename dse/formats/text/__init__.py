"""Spec files as text: YAML with the place of every value, quantities with units, and errors that point at a line.

Readers of every kind of spec build on this wing; it knows none of them.
"""
