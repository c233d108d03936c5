"""Real-time tracking of delivery fleets, from one laptop to a country's trucks."""

__version__ = "0.1.0"
