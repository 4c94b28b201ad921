"""One module for each verb, loaded when its verb is used.

Each parses its options, calls the floors below, and shows what comes back.
"""
