"""Evidence: what a file was made of and how, in the formats that others read.

Everything here is a function of the plan, the lock and the bytes: the same release has the same
evidence on every machine, so nothing holds a time, a host's name or a path.
"""
