"""Where the scene's containers travel, and what its alerts and sensors say."""

from __future__ import annotations

import itertools
import math
import string

from sealtrail.contract.alert import AlertType

LANES: tuple[tuple[str, str, tuple[tuple[float, float], ...]], ...] = (
    ("Rotterdam", "Warsaw", ((4.14, 51.95), (6.8, 52.3), (9.73, 52.37), (13.4, 52.4), (21.0, 52.23))),
    ("Hamburg", "Munich", ((9.99, 53.54), (9.73, 52.37), (9.5, 51.31), (11.07, 49.45), (11.58, 48.14))),
    ("Mombasa", "Malaba", ((39.66, -4.05), (38.56, -3.39), (37.26, -1.52), (36.82, -1.29), (34.27, 0.64))),
    ("Valencia", "Lyon", ((-0.33, 39.45), (0.6, 40.8), (2.17, 41.39), (4.36, 43.84), (4.84, 45.76))),
    ("Gdansk", "Trieste", ((18.65, 54.35), (19.0, 52.0), (18.6, 50.1), (16.37, 48.21), (13.77, 45.65))),
    ("Jebel Ali", "Riyadh", ((55.03, 24.98), (52.6, 24.1), (50.1, 25.3), (48.2, 24.8), (46.7, 24.7))),
    (
        "Santos",
        "Asuncion",
        ((-46.33, -23.96), (-49.3, -25.4), (-52.4, -25.1), (-54.6, -25.5), (-57.6, -25.3)),
    ),
)


SENTENCES = {
    AlertType.SEAL_CUT: "The cable of seal {seal} was cut while armed, 37 m from the corridor's centre line, "
    "in a dead zone near Hengelo. The report came with the backlog.",
    AlertType.SEAL_OPENED: "Seal {seal} was opened with card 0007741 outside any authorised place and time.",
    AlertType.SEAL_TAMPER: "The housing of seal {seal} was opened.",
    AlertType.ROUTE_DEVIATION: "The container is 6.2 km outside its corridor and has been for 14 min.",
    AlertType.UNSCHEDULED_STOP: "Stopped for 50 min outside any allowed place.",
    AlertType.BATTERY_LOW: "The battery of the seal is at 12 %.",
}
BASES = {
    "temperature_c": (4.5, 2.2),
    "humidity_pct": (62.0, 9.0),
    "battery_pct": (74.0, 3.0),
    "light_lux": (1.0, 1.0),
    "shock_g": (0.3, 0.2),
    "speed_kmh": (70.0, 12.0),
}


def container_number(index: int) -> str:
    """A sound ISO 6346 number of a made-up owner."""
    number = f"STRU{index:06d}"
    letters = dict(zip(string.ascii_uppercase, (n for n in range(10, 39) if n % 11), strict=True))
    total = sum((letters.get(sign) or int(sign)) * 2**place for place, sign in enumerate(number))
    return f"{number}{total % 11 % 10}"


def along(line: tuple[tuple[float, float], ...], progress: float) -> tuple[float, float, float]:
    """(longitude, latitude, course) after a share of the way, straight in the plane."""
    lengths = [math.dist(a, b) for a, b in itertools.pairwise(line)]
    left = min(max(progress, 0.0), 1.0) * sum(lengths)
    for (a, b), length in zip(itertools.pairwise(line), lengths, strict=True):
        if left <= length or (a, b) == (line[-2], line[-1]):
            share = min(left / length, 1.0)
            course = math.degrees(math.atan2((b[0] - a[0]) * math.cos(math.radians(a[1])), b[1] - a[1])) % 360
            return a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share, course
        left -= length
    raise AssertionError(line)
