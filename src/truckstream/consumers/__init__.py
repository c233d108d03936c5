"""The three stream consumers and the jobs on the archive; the same code on both backends."""
