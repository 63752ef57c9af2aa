"""A learned corridor as an SVG picture, for the person who is to accept it."""

from __future__ import annotations

import itertools
import math
from html import escape

import numpy as np

from anomaly.learning.corridor import Learned
from anomaly.sphere import EARTH_RADIUS_M, Floats, dot
from sealtrail.contract.clock import iso
from sealtrail.contract.geometry import vector

WIDTH_PX = 1_200
MARGIN_PX = 40
LEGEND_PX = 150
LEAST_HEIGHT_PX, MOST_HEIGHT_PX = 300, 1_400


class _Sheet:
    """Positions to pixels: azimuthal equidistant around the corridor's middle."""

    def __init__(self, line: Floats, shown: Floats) -> None:
        middle = line.sum(axis=0)
        up = middle / math.sqrt(float(dot(middle, middle)))
        pole = np.array([0.0, 0.0, 1.0]) if abs(up[2]) < 0.999 else np.array([1.0, 0.0, 0.0])  # noqa: PLR2004
        east = np.cross(pole, up)
        self._east = east / math.sqrt(float(dot(east, east)))
        self._up, self._north = up, np.cross(up, self._east)
        flat = self.metres(shown)
        self._left, self._top = float(flat[:, 0].min()), float(flat[:, 1].max())
        wide = max(float(flat[:, 0].max()) - self._left, 1.0)
        high = max(self._top - float(flat[:, 1].min()), 1.0)
        inner = WIDTH_PX - 2 * MARGIN_PX
        self.m_per_px = max(wide / inner, high / (MOST_HEIGHT_PX - 2 * MARGIN_PX))
        self.height_px = max(LEAST_HEIGHT_PX, math.ceil(high / self.m_per_px) + 2 * MARGIN_PX)

    def metres(self, vectors: Floats) -> Floats:
        x, y, z = dot(vectors, self._east), dot(vectors, self._north), dot(vectors, self._up)
        across = np.hypot(x, y)
        scale = EARTH_RADIUS_M * np.arctan2(across, z) / np.maximum(across, 1e-12)
        return np.stack((x * scale, y * scale), axis=-1)

    def path(self, vectors: Floats) -> str:
        """Points of an SVG polyline."""
        flat = self.metres(vectors)
        x = MARGIN_PX + (flat[:, 0] - self._left) / self.m_per_px
        y = MARGIN_PX + (self._top - flat[:, 1]) / self.m_per_px
        return " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))


def picture(name: str, learned: Learned) -> str:
    """The journeys, the corridor with its width, stretches without evidence, and what it rests on."""
    corridor, evidence = learned.corridor, learned.evidence
    line = np.array([vector(*point) for point in corridor.coordinates])
    sheet = _Sheet(line, np.concatenate([line, *(each.vectors for each in learned.used)]))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH_PX}" height="{sheet.height_px + LEGEND_PX}">',
        '<g font-family="sans-serif" font-size="14">',
        f"<title>{escape(name)}</title>",
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        '<g stroke="#7aa7d9" stroke-opacity="0.45" stroke-linecap="round" fill="none">',
    ]
    for index, (a, b) in enumerate(itertools.pairwise(line)):
        width = corridor.half_width_m[index % len(corridor.half_width_m)]
        thick = max(2 * width / sheet.m_per_px, 1)
        parts.append(f'<polyline points="{sheet.path(np.array([a, b]))}" stroke-width="{thick:.1f}"/>')
    parts.append('</g><g fill="none" stroke-width="1">')
    for journeys, colour in ((learned.left_out, "#c22"), (learned.used, "#555")):
        parts += [
            f'<polyline points="{sheet.path(each.vectors)}" stroke="{colour}" stroke-opacity="0.5">'
            f"<title>{escape(each.name)}</title></polyline>"
            for each in journeys
        ]
    parts.append(f'</g><polyline points="{sheet.path(line)}" fill="none" stroke="#0b3d91" stroke-width="2"/>')
    parts += _ends(sheet, line)
    least, middle, most = (
        w / 1000 for w in np.quantile(corridor.half_width_m, (0, 0.5, 1), method="nearest")
    )
    period = f"{iso(evidence.from_ms)[:10]} to {iso(evidence.until_ms)[:10]}"
    turned = ", ".join(evidence.reversed_journeys) or "none"
    blind = ", ".join(f"{begin:g}-{end:g}" for begin, end in evidence.unobserved_km) or "none"
    legend = (
        f"Corridor {name}: proposed, not accepted. {_scale(sheet.m_per_px)}",
        f"{len(evidence.journeys)} journeys, {evidence.positions} positions, {period}; turned: {turned}",
        f"Half width {least:g} to {most:g} km (median {middle:g} km)",
        f"Stretches without evidence (km from the start): {blind}",
        f"Left out: {', '.join(evidence.left_out) or 'none'}",
    )
    parts += [
        f'<text x="{MARGIN_PX}" y="{sheet.height_px + 20 + 24 * row}">{escape(text)}</text>'
        for row, text in enumerate(legend)
    ]
    return "\n".join((*parts, "</g></svg>", ""))


def _ends(sheet: _Sheet, line: Floats) -> list[str]:
    found = []
    for label, end in (("start", line[0]), ("end", line[-1])):
        x, y = sheet.path(end[None, :]).split(",")
        found.append(f'<circle cx="{x}" cy="{y}" r="5" fill="#0b3d91"/>')
        side = "end" if float(x) > WIDTH_PX / 2 else "start"
        found.append(f'<text x="{x}" y="{float(y) - 10:.1f}" text-anchor="{side}">{label}</text>')
    return found


def _scale(m_per_px: float) -> str:
    return f"100 pixels are {100 * m_per_px / 1000:.1f} km."
