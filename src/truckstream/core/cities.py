"""Swiss cities and the roads between them, for the simulated fleet.

Written from general geographic knowledge: town centres to three decimals (some 100 m), roads as a handful
of places they pass. Good enough to look right on a map of the country, not a source of road geometry.
"""

from typing import NamedTuple


class City(NamedTuple):
    """A town centre: degrees WGS 84, metres above sea level."""

    name: str
    latitude: float
    longitude: float
    altitude_m: float


class Road(NamedTuple):
    """A road between two cities; the places on its way are (latitude, longitude) or with an altitude too."""

    start: str
    end: str
    limit_kmh: int
    via: tuple[tuple[float, ...], ...]


CITIES: tuple[City, ...] = (
    City("Zürich", 47.377, 8.540, 408),
    City("Genève", 46.204, 6.143, 375),
    City("Basel", 47.548, 7.590, 260),
    City("Bern", 46.948, 7.447, 542),
    City("Lausanne", 46.520, 6.633, 495),
    City("Winterthur", 47.499, 8.724, 439),
    City("Luzern", 47.050, 8.310, 436),
    City("St. Gallen", 47.423, 9.377, 675),
    City("Lugano", 46.004, 8.951, 273),
    City("Biel", 47.137, 7.247, 437),
    City("Bellinzona", 46.193, 9.020, 238),
    City("Thun", 46.759, 7.630, 560),
    City("Fribourg", 46.806, 7.162, 610),
    City("Schaffhausen", 47.696, 8.635, 403),
    City("Chur", 46.850, 9.532, 593),
    City("Neuchâtel", 46.992, 6.931, 438),
    City("Sion", 46.232, 7.359, 500),
    City("Zug", 47.172, 8.517, 425),
    City("Yverdon", 46.779, 6.641, 435),
    City("Aarau", 47.391, 8.044, 383),
    City("Baden", 47.473, 8.307, 385),
    City("Olten", 47.350, 7.903, 396),
    City("Solothurn", 47.208, 7.537, 432),
    City("Langenthal", 47.215, 7.796, 472),
    City("Frauenfeld", 47.557, 8.898, 405),
    City("Wil", 47.461, 9.046, 571),
    City("Rapperswil", 47.226, 8.818, 409),
    City("Sargans", 47.048, 9.441, 482),
    City("Schwyz", 47.021, 8.653, 516),
    City("Altdorf", 46.880, 8.644, 458),
    City("Locarno", 46.168, 8.795, 205),
    City("Liestal", 47.484, 7.735, 327),
    City("Delémont", 47.365, 7.345, 413),
    City("Interlaken", 46.686, 7.863, 568),
    City("La Chaux-de-Fonds", 47.104, 6.826, 1000),
    City("Montreux", 46.433, 6.911, 390),
    City("Martigny", 46.101, 7.073, 471),
    City("Brig", 46.316, 7.988, 678),
    City("Nyon", 46.383, 6.240, 401),
)

ROADS: tuple[Road, ...] = (
    Road("Zürich", "Baden", 100, ((47.399, 8.448), (47.408, 8.400), (47.443, 8.345))),
    Road("Zürich", "Winterthur", 100, ((47.413, 8.560), (47.425, 8.631), (47.455, 8.678))),
    Road("Zürich", "Rapperswil", 80, ((47.318, 8.584), (47.270, 8.645), (47.241, 8.723))),
    Road("Zürich", "Zug", 120, ((47.353, 8.443), (47.277, 8.452), (47.195, 8.468))),
    Road("Winterthur", "Schaffhausen", 100, ((47.556, 8.706), (47.596, 8.680), (47.655, 8.650))),
    Road("Winterthur", "Frauenfeld", 120, ((47.515, 8.790), (47.545, 8.850))),
    Road("Winterthur", "Wil", 120, ((47.487, 8.790), (47.475, 8.900), (47.462, 8.980))),
    Road("Frauenfeld", "Wil", 80, ((47.530, 8.960), (47.490, 9.020))),
    Road("Wil", "St. Gallen", 120, ((47.443, 9.120), (47.415, 9.240), (47.411, 9.320))),
    Road("St. Gallen", "Sargans", 120, ((47.470, 9.480), (47.453, 9.630), (47.320, 9.570), (47.167, 9.478))),
    Road("Sargans", "Chur", 120, ((47.005, 9.505), (46.965, 9.560), (46.900, 9.550))),
    Road(
        "Rapperswil",
        "Sargans",
        100,
        ((47.192, 8.855), (47.170, 8.978), (47.135, 9.100), (47.113, 9.214), (47.124, 9.312)),
    ),
    Road("Zug", "Luzern", 120, ((47.142, 8.431), (47.121, 8.395), (47.085, 8.345))),
    Road("Zug", "Schwyz", 80, ((47.110, 8.515), (47.063, 8.523), (47.048, 8.560))),
    Road("Schwyz", "Altdorf", 80, ((46.995, 8.605), (46.950, 8.622), (46.905, 8.628))),
    Road("Luzern", "Altdorf", 100, ((46.985, 8.310), (46.960, 8.370), (46.965, 8.470), (46.935, 8.560))),
    Road(
        "Altdorf",
        "Bellinzona",
        100,
        (
            (46.820, 8.650),
            (46.775, 8.670),
            (46.706, 8.600, 930),
            (46.667, 8.588, 1105),
            (46.529, 8.610, 1140),
            (46.478, 8.800, 720),
            (46.358, 8.968, 300),
        ),
    ),
    Road(
        "Chur",
        "Bellinzona",
        80,
        (
            (46.825, 9.410, 600),
            (46.698, 9.440, 720),
            (46.603, 9.426, 980),
            (46.553, 9.323, 1457),
            (46.463, 9.190, 1610),
            (46.390, 9.233, 790),
            (46.238, 9.120, 300),
        ),
    ),
    Road("Bellinzona", "Lugano", 100, ((46.138, 8.930, 480), (46.110, 8.915, 540), (46.063, 8.925, 370))),
    Road("Bellinzona", "Locarno", 80, ((46.175, 8.940), (46.176, 8.850))),
    Road("Luzern", "Olten", 120, ((47.140, 8.190), (47.170, 8.100), (47.215, 7.985), (47.290, 7.945))),
    Road(
        "Luzern",
        "Interlaken",
        80,
        ((46.965, 8.300), (46.896, 8.245), (46.785, 8.160, 750), (46.757, 8.140, 1008), (46.750, 8.040, 566)),
    ),
    Road("Baden", "Aarau", 120, ((47.438, 8.240), (47.395, 8.175))),
    Road("Baden", "Basel", 120, ((47.490, 8.150), (47.506, 8.018), (47.548, 7.795), (47.522, 7.690))),
    Road("Aarau", "Olten", 80, ((47.370, 8.000), (47.362, 7.950))),
    Road("Olten", "Liestal", 100, ((47.355, 7.855), (47.405, 7.825, 520), (47.462, 7.810))),
    Road("Olten", "Langenthal", 120, ((47.300, 7.890), (47.255, 7.830))),
    Road("Olten", "Solothurn", 120, ((47.320, 7.790), (47.285, 7.715), (47.235, 7.610))),
    Road("Liestal", "Basel", 100, ((47.515, 7.690), (47.528, 7.640))),
    Road("Basel", "Delémont", 80, ((47.470, 7.595), (47.420, 7.500))),
    Road("Delémont", "Biel", 80, ((47.280, 7.372, 530), (47.220, 7.200, 760), (47.180, 7.225, 600))),
    Road("Solothurn", "Biel", 120, ((47.190, 7.395), (47.165, 7.330))),
    Road("Solothurn", "Bern", 120, ((47.150, 7.540), (47.085, 7.575), (47.020, 7.500))),
    Road("Langenthal", "Bern", 120, ((47.190, 7.690), (47.085, 7.585), (47.025, 7.500))),
    Road("Biel", "Bern", 80, ((47.075, 7.305), (47.035, 7.375), (46.995, 7.455))),
    Road("Biel", "Neuchâtel", 100, ((47.093, 7.155), (47.065, 7.095), (47.013, 6.990))),
    Road("Bern", "Thun", 120, ((46.925, 7.500), (46.875, 7.565), (46.815, 7.590))),
    Road("Thun", "Interlaken", 100, ((46.690, 7.680), (46.655, 7.775))),
    Road("Bern", "Fribourg", 120, ((46.890, 7.320), (46.848, 7.190))),
    Road("Fribourg", "Neuchâtel", 80, ((46.928, 7.117), (47.000, 7.095), (47.013, 6.990))),
    Road("Fribourg", "Montreux", 120, ((46.620, 7.057, 770), (46.527, 6.900, 810), (46.470, 6.855, 420))),
    Road("Neuchâtel", "La Chaux-de-Fonds", 80, ((47.030, 6.875, 720), (47.072, 6.865, 1050))),
    Road("Neuchâtel", "Yverdon", 120, ((46.950, 6.840), (46.893, 6.772), (46.815, 6.645))),
    Road("Yverdon", "Lausanne", 120, ((46.705, 6.575), (46.620, 6.540), (46.550, 6.575))),
    Road("Lausanne", "Montreux", 120, ((46.508, 6.690), (46.485, 6.780), (46.467, 6.850))),
    Road("Montreux", "Martigny", 120, ((46.320, 6.960), (46.250, 7.000), (46.150, 7.030))),
    Road("Martigny", "Sion", 120, ((46.150, 7.180), (46.172, 7.225), (46.215, 7.310))),
    Road("Sion", "Brig", 100, ((46.290, 7.535), (46.310, 7.640), (46.295, 7.880))),
    Road("Lausanne", "Nyon", 120, ((46.515, 6.500), (46.465, 6.335), (46.420, 6.275))),
    Road("Nyon", "Genève", 120, ((46.318, 6.195), (46.282, 6.160))),
)
