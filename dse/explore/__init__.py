"""Sweeps over designs: spaces, samplers, workers that evaluate designs in parallel, and the record to resume from.

Optuna proposes designs; the log of evaluations is the only record.
"""
