"""The pure heart: records, shapes, presence, statistics. No I/O, no clock, no environment."""
