"""Files in and out: spec files, mappings, and the formats of other tools, one wing for each kind.

What is read becomes the plain values of the floors below, and every error says where in the file it arose.
"""
