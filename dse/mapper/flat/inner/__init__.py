"""What happens between the buffer and the MACs: what a configuration of the array costs there, and bounds on it.

It depends on the PE tile and the unrolling, and on the outer tile only through how often each kind of order repeats it.
"""
