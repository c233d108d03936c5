"""The local backend: everything on one machine, in one data directory, without an account."""
