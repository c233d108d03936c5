"""Driving time is told by speed: in bands of 10 km/h, the last one from 120 km/h on."""

from typing import Final

BAND_KMH: Final = 10
BANDS: Final = 13
BAND_NAMES: Final = tuple(f"driving_from_{band * BAND_KMH}_kmh_ms" for band in range(BANDS))
"""Columns of a file: milliseconds driven at that speed up to the next band's."""


def band_of(speed_kmh: float) -> int:
    """Return the band of a speed.

    >>> band_of(9.999), band_of(10), band_of(400)
    (0, 1, 12)
    """
    return min(int(speed_kmh / BAND_KMH), BANDS - 1)
