"""What crosses between the outermost level and the buffer: words, their least cost, and trips.

It depends on the outer tile alone, so it is worked out once for all configurations of the array.
"""
