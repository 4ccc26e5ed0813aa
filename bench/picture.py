"""The medians as bars, in an SVG that needs nothing but a browser."""

from xml.sax.saxutils import escape

from report import limit

_WIDTH, _LEFT, _BAR, _GAP = 900, 330, 13, 12
_COLOURS = {"regent": "#2a6fbb", "patroni": "#c9a227", "floor": "#999999"}


def _text(x, y, text, **attributes):
    extra = "".join(f' {key.replace("_", "-")}="{value}"' for key, value in attributes.items())
    return f'<text x="{x:.0f}" y="{y:.0f}"{extra}>{escape(text)}</text>'


def _bars(top, row, figure, results):
    """One group: a bar for each subject, all on the scale of the longest, and a line where Regent's bar should end."""
    found = [(subject, results.median(row.name, subject, figure.key)) for subject in ("regent", "patroni", "floor")]
    found = [(subject, value) for subject, value in found if value is not None]
    longest = max((value for _, value in found), default=0) or 1
    width = _WIDTH - _LEFT - 110
    parts = [_text(_LEFT - 8, top + _BAR, f"{row.title}: {figure.label}", text_anchor="end")]
    for number, (subject, value) in enumerate(found):
        y, length = top + number * _BAR, max(1.0, value / longest * width)
        parts.append(f'<rect x="{_LEFT}" y="{y}" width="{length:.1f}" height="{_BAR - 2}" fill="{_COLOURS[subject]}"/>')
        parts.append(_text(_LEFT + length + 4, y + _BAR - 3, f"{value:.3g} {figure.unit}", font_size=10))
    most = limit(row, figure, results)
    if most is not None and 0 < most <= longest:
        x, bottom = _LEFT + most / longest * width, top + len(found) * _BAR
        parts.append(f'<line x1="{x:.1f}" y1="{top - 2}" x2="{x:.1f}" y2="{bottom}" stroke="#c0392b"/>')
    return parts, top + len(found) * _BAR + _GAP


def write(path, rows, results):
    parts, top = [], 40
    for number, subject in enumerate(_COLOURS):
        parts.append(f'<rect x="{_LEFT + number * 110}" y="12" width="12" height="12" fill="{_COLOURS[subject]}"/>')
        parts.append(_text(_LEFT + number * 110 + 18, 22, subject))
    parts.append(_text(_LEFT + 340, 22, "red line: the most it may be for Regent"))
    for row in rows:
        for figure in row.figures:
            if any(results.median(row.name, subject, figure.key) for subject in ("regent", "patroni")):
                more, top = _bars(top, row, figure, results)
                parts += more
    with open(path, "w") as file:
        file.write(f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{top}" font-family="sans-serif" '
                   f'font-size="11">\n<rect width="100%" height="100%" fill="white"/>\n' + "\n".join(parts) + "\n</svg>\n")
