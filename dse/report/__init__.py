"""Results for people: figures, tables and pages, each as plain data first and as a drawing after.

Nothing is computed here that another floor has not computed before.
"""
