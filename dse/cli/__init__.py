"""The command line: one module for each verb, and the only floor that prints.

Modules parse options, call the floors below and show what comes back; heavy imports wait until a verb needs them.
"""
