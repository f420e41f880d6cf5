"""The charts of a report's page, as Vega and Vega-Lite specs without data: plain dicts.

The page joins them with the numbers of the document: data sets by their names, and `params` (in the icicle
`signals`) for what stands once. Names of nodes and levels may repeat, so that axes count places and `names`
says what stands at each. Nothing is told by colour alone: labels, shapes or the order say it too.
"""

from __future__ import annotations

from typing import Any, TypeAlias

__all__ = ["charts"]

#: A spec, or a part of one.
Spec: TypeAlias = "dict[str, Any]"

_LITE = "https://vega.github.io/schema/vega-lite/v6.json"
_VEGA = "https://vega.github.io/schema/vega/v6.json"
#: Pixels of the icicle, and of other charts; of bars below each other the page says how high they are.
_ICICLE_HEIGHT, _HEIGHT = 440, 300
#: In cells lower than this no name can be read above their bar.
_TEXT_HEIGHT = 21


def charts() -> dict[str, Spec]:
    """The specs by their names.

    >>> sorted(charts())
    ['curve', 'differences', 'icicle', 'promises', 'reliability', 'severity', 'shares']
    """
    return {
        "icicle": _icicle(),
        "severity": _severity(),
        "curve": _curve(),
        "promises": _promises(),
        "shares": _shares(),
        "reliability": _reliability(),
        "differences": _differences(),
    }


# -- what the specs share --------------------------------------------------------------------------


def _lite(data: str, *layer: Spec, **more: Any) -> Spec:
    """A spec as wide as its place, whose layers share a data set."""
    return {"$schema": _LITE, "data": {"name": data}, "width": "container", **more, "layer": list(layer)}


def _places(title: str | None = None) -> Spec:
    """An axis of places, with the names that stand there."""
    axis = {
        "labelExpr": "names[datum.value]",
        "labelLimit": {"expr": "limit"},
        "domain": False,
        "ticks": False,
    }
    return {"field": "place", "type": "ordinal", "title": title, "axis": axis}


def _share(field: str, title: str | None = None, **scale: Any) -> Spec:
    """A share between 0 and 1, written in percent."""
    axis = {"format": ".0~%", "tickCount": 6}
    return {
        "field": field,
        "type": "quantitative",
        "title": title,
        "axis": axis,
        "scale": scale or {"zero": True},
    }


def _tip(*fields: tuple[str, str, str | None]) -> list[Spec]:
    """What a mark says at the pointer: fields, their titles, and formats of numbers."""
    shown = []
    for field, title, form in fields:
        number = {"type": "quantitative", "format": form} if form else {"type": "nominal"}
        shown.append({"field": field, "title": title, **number})
    return shown


def _params(**values: Any) -> list[Spec]:
    """What stands once in a chart, with what it is until the page says it."""
    return [{"name": name, "value": value} for name, value in values.items()]


def _layer(mark: str, encoding: Spec, **look: Any) -> Spec:
    return {"mark": {"type": mark, **look}, "encoding": encoding}


def _colours(count: int) -> list[dict[str, str]]:
    """The first colours of the parameter `colours`."""
    return [{"expr": f"colours[{place}]"} for place in range(count)]


def _if(test: str, yes: Any, no: Any) -> Spec:
    """One value where a test of the row holds, else the other."""
    return {"condition": {"test": test, "value": yes}, "value": no}


# -- the charts ------------------------------------------------------------------------------------


def _severity() -> Spec:
    """Where mistakes stay: a bar for the model, a second model, and chance (hollow)."""
    place = {"y": _places(), "yOffset": {"field": "series", "type": "ordinal"}}
    share = _share("share", "share of the mistakes", domain=[0, {"expr": "most"}], nice=False)
    share["axis"]["values"] = {"expr": "ticks"}
    colour: Spec = {"field": "series", "type": "ordinal", "legend": None, "scale": {"domain": [0, 1, 2]}}
    colour["scale"]["range"] = "category"
    tip = _tip(("of", "of", None), ("where", "stays in", None), ("share", "share", ".1%"))
    hollow = "datum.hollow"
    bars = {
        "x": share,
        "color": colour,
        "stroke": colour,
        "fillOpacity": _if(hollow, 0, 0.85),
        "strokeDash": _if(hollow, [3, 2], [1, 0]),
        "tooltip": tip,
    }
    words = {"x": share, "text": {"field": "label"}}
    return _lite(
        "severity",
        _layer("bar", {**place, **bars}, strokeWidth=1.2),
        _layer("text", {**place, **words}, align="left", dx=5, fontSize=11),
        params=_params(names=[], most=1, ticks=[], limit=160),
        height=_HEIGHT,
    )


def _curve() -> Spec:
    """How much is said at which error, with the promise that was chosen."""
    said = _share("information", "information of the answers", zero=False)
    wrong = _share("wrong", "wrong answers", zero=True)
    tip = _tip(
        ("threshold", "threshold", ".3~f"), ("wrong", "wrong", ".1%"), ("information", "information", ".1%")
    )
    axes = {"x": said, "y": wrong}
    line = {**axes, "order": {"field": "place", "type": "quantitative"}}
    chosen = {"data": {"name": "chosen"}, **_layer("point", axes, style="chosen", filled=True, size=130)}
    label = _layer(
        "text", {**axes, "text": {"field": "label"}}, dy=-14, fontWeight=600, align="right", dx=-4
    )
    return _lite(
        "curve",
        _layer("line", line, strokeWidth=2, interpolate="linear"),
        _layer("point", {**axes, "tooltip": tip}, filled=True, size=22),
        chosen,
        {"data": {"name": "chosen"}, **label},
        height=_HEIGHT,
    )


def _promises() -> Spec:
    """Promised against delivered: the band of the true rate, and what the other rows delivered."""
    risk = _rooted("risk", "promised: at most so many wrong", "reach")
    delivered = _rooted("delivered", "delivered", "most")
    tip = _tip(
        ("risk", "promised", ".1~%"), ("delivered", "delivered", ".2%"),
        ("delivered_low", "at least", ".2%"), ("delivered_high", "at most", ".2%"),
        ("verdict", "the promise", None),
    )  # fmt: skip
    band = {"y": {**delivered, "field": "low"}, "y2": {"field": "high"}}
    error = {"y": {**delivered, "field": "delivered_low"}, "y2": {"field": "delivered_high"}}
    point: Spec = {"y": delivered, "tooltip": tip}
    verdict: Spec = {"field": "verdict", "type": "nominal", "title": None, "legend": {"orient": "top"}}
    order = ["kept", "broken"]
    point["shape"] = {**verdict, "scale": {"domain": order, "range": ["circle", "triangle-up"]}}
    point["color"] = {**verdict, "scale": {"domain": order, "range": _colours(len(order))}}
    chosen = _layer("point", {"x": risk, "y": point["y"]}, style="chosen", size=220, strokeWidth=2.5)
    return _lite(
        "promises",
        _layer("area", {"x": risk, **band}, opacity=0.22, line=False),
        _layer("line", {"x": risk, "y": {**delivered, "field": "risk"}}, style="even", strokeDash=[5, 4]),
        _layer("rule", {"x": risk, **error}, strokeWidth=1.4),
        _layer("point", {"x": risk, **point}, filled=True, size=60, opacity=1),
        {"data": {"name": "chosen"}, **chosen},
        params=_params(colours=["black"] * 2, ticks={"most": [], "reach": []}, most=1, reach=1),
        height=_HEIGHT,
    )


def _rooted(field: str, title: str, most: str) -> Spec:
    """A share on a scale on which one in 500 and one in two both have room."""
    share = _share(field, title, type="pow", exponent=0.5, domain=[0, {"expr": most}], nice=False)
    values = {"expr": f"ticks.{most}"}
    return {**share, "axis": {"format": ".0~%", "values": values, "labelOverlap": True}}


def _shares() -> Spec:
    """How many rows are answered on each level, for each promise."""
    place = {"y": _places("promised: at most so many wrong")}
    across = _share("from", "share of the answers", domain=[0, 1], nice=False)
    ends = {**place, "x": across, "x2": {"field": "to"}}
    tip = _tip(("risk", "promised", ".1~%"), ("name", "answered at", None), ("share", "share", ".1%"))
    colour: Spec = {
        "field": "level",
        "type": "ordinal",
        "title": "answered at",
        "scale": {"scheme": "blues"},
    }
    colour["legend"] = {"orient": "top", "columns": {"expr": "columns"}, "labelExpr": "levels[datum.value]"}
    middle = {**place, "x": {**across, "field": "middle"}, "text": {"field": "label"}}
    middle["color"] = _if("datum.deep", "#ffffff", "#16202b")
    ring = {"data": {"name": "chosen"}, **_layer("bar", ends, style="ring", fillOpacity=0, strokeWidth=2)}
    return _lite(
        "shares",
        _layer("bar", {**ends, "color": colour, "tooltip": tip}, stroke="#7f8b97", strokeWidth=0.5),
        _layer("text", middle, fontSize=10),
        ring,
        params=_params(names=[], levels=[], columns=6, limit=160),
        height=_HEIGHT,
    )


def _reliability() -> Spec:
    """Stated probability against the share that is right, a small chart a level, with the counts below."""
    stated = _share("stated", "stated probability", domain=[0, 1], nice=False)
    right = _share("right", "share right", domain=[0, 1], nice=False)
    tip = _tip(
        ("stated", "stated", ".1%"), ("right", "right", ".1%"), ("low", "at least", ".1%"),
        ("high", "at most", ".1%"), ("count", "answers", ",.0f"),
    )  # fmt: skip
    y = {"x": stated, "y": right}
    even = _layer(
        "line", {"x": {**stated, "field": "at"}, "y": {**right, "field": "at"}}, strokeDash=[5, 4]
    )
    even["mark"]["style"] = "even"
    counts = {"x": stated, "y": {**right, "field": "share"}, "y2": {"datum": 0}}
    layer = [
        _layer("bar", counts, style="counts", width=7),
        {"data": {"values": [{"at": 0}, {"at": 1}]}, **even},
        _layer(
            "rule", {"x": stated, "y": {**right, "field": "low"}, "y2": {"field": "high"}}, strokeWidth=1.4
        ),
        _layer("line", {**y, "order": {"field": "stated", "type": "quantitative"}}, strokeWidth=1.6),
        _layer("point", {**y, "tooltip": tip}, filled=True, size=40, opacity=1),
    ]
    header = {
        "labelExpr": "names[datum.value]",
        "labelFontSize": 13,
        "labelFontWeight": 600,
        "labelLimit": 220,
    }
    return {
        "$schema": _LITE,
        "data": {"name": "bins"},
        "params": _params(names=[]),
        "columns": 3,
        "spacing": 28,
        "facet": {"field": "place", "type": "ordinal", "title": None, "header": header},
        "spec": {"width": 220, "height": 200, "layer": layer},
    }


def _differences() -> Spec:
    """Nodes that gained and lost: a difference and its interval each, a dot where it may be chance."""
    points: Spec = {
        "type": "quantitative",
        "title": "difference in percentage points",
        "axis": {"format": "+.3~r", "tickCount": 8},
    }
    tip = _tip(
        ("name", "node", None), ("rows", "rows", ",.0f"), ("difference", "difference", "+.1f"),
        ("low", "from", "+.1f"), ("high", "to", "+.1f"), ("verdict", "this", None),
    )  # fmt: skip
    colour: Spec = {"field": "verdict", "type": "nominal", "title": None, "legend": {"orient": "top"}}
    order = ["better", "worse", "may be chance"]
    colour["scale"] = {"domain": order, "range": _colours(len(order))}
    shapes: Spec = {"domain": order, "range": ["triangle-right", "triangle-left", "circle"]}
    y = {"y": _places()}
    rule = {**y, "x": {**points, "field": "low"}, "x2": {"field": "high"}, "color": colour}
    point: Spec = {**y, "x": {**points, "field": "difference"}, "color": colour, "tooltip": tip}
    point["shape"] = {**colour, "scale": shapes}
    return _lite(
        "differences",
        _layer("rule", {"x": {"datum": 0, **points}}, style="even"),
        _layer("rule", rule, strokeWidth=1.6),
        _layer("point", point, filled=True, size=80, opacity=1),
        params=_params(names=[], colours=["black"] * 3, limit=200),
        height=_HEIGHT,
    )


# -- the icicle ------------------------------------------------------------------------------------


def _icicle() -> Spec:
    """Nodes as cells, as high as they have rows, the colour and a bar in each say how many are right."""
    wide = {"init": "isFinite(containerSize()[0]) ? containerSize()[0] : 200"}
    resized = [{"events": "window:resize", "update": wide["init"]}]
    values = {"low": "#b8500b", "middle": "#eeeeee", "high": "#1f6fb2", "paper": "white", "edge": "black"}
    colours = [{"signal": name} for name in ("low", "middle", "high")]
    fill: Spec = {"name": "fill", "type": "linear", "domain": [0, 0.5, 1], "range": colours, "clamp": True}
    legend: Spec = {
        "fill": "fill",
        "title": "right",
        "format": ".0%",
        "orient": "bottom",
        "direction": "horizontal",
    }
    return {
        "$schema": _VEGA,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "padding": 2,
        "height": _ICICLE_HEIGHT,
        "signals": [{"name": "width", **wide, "on": resized}, *_params(**values)],
        "data": [{"name": "cells"}],
        "scales": [fill],
        "legends": [{**legend, "gradientLength": 160, "titleOrient": "left", "offset": 8}],
        "marks": [_cells(), _bars(), _cell_words(), _cell_shares()],
    }


def _mark(kind: str, update: Spec) -> Spec:
    encode = {
        name: {"signal": value} if isinstance(value, str) else value for name, value in update.items()
    }
    return {"type": kind, "from": {"data": "cells"}, "encode": {"update": encode}}


_HIGH = "(datum.bottom - datum.top) * height"
_WIDE = "(datum.right - datum.left) * width"
_MIDDLE = "(datum.top + datum.bottom) / 2 * height"
#: Where the share that is right has room.
_SHARE_BESIDE = f"({_WIDE} > 130 && {_HIGH} >= {_TEXT_HEIGHT})"
_SHARE_BELOW = f"({_WIDE} <= 130 && {_WIDE} > 40 && {_HIGH} >= 34)"
#: White or black, whichever is read better on a cell.
_ON_CELL = "contrast(datum.fill, '#ffffff') > contrast(datum.fill, '#000000') ? '#ffffff' : '#000000'"
_INK = _ON_CELL.replace("datum.fill", "scale('fill', datum.share)")


def _cells() -> Spec:
    paint = "datum.share === null ? paper : scale('fill', datum.share)"
    mark = _mark(
        "rect",
        {
            "x": "datum.left * width", "x2": "datum.right * width",
            "y": "datum.top * height", "y2": "datum.bottom * height",
            "fill": paint, "stroke": "datum.chosen ? edge : paper",
            "strokeWidth": "datum.chosen ? 3 : 1", "zindex": "datum.chosen ? 1 : 0",
            "cursor": {"value": "pointer"}, "tooltip": "datum.tip",
        },
    )  # fmt: skip
    return {**mark, "name": "cells-drawn"}


def _bars() -> Spec:
    """As long as the share that is right: what the colour says, without it."""
    shown = f"datum.share === null || {_HIGH} < 9 ? 0 : 0.55"
    right = f"datum.left * width + 1 + ({_WIDE} - 2) * datum.share"
    below = {"x": "datum.left * width + 1", "x2": right, "y": "datum.bottom * height - 4"}
    mark = _mark("rect", {**below, "y2": "datum.bottom * height - 1", "fill": _INK, "fillOpacity": shown})
    return {**mark, "interactive": False}


def _cell_words() -> Spec:
    room = f"max(1, {_WIDE} - ({_SHARE_BESIDE} ? 56 : 10))"
    middle = f"{_MIDDLE} - ({_SHARE_BELOW} ? 8 : 0)"
    shown = f"{_HIGH} < {_TEXT_HEIGHT} ? 0 : 1"
    return _words("datum.name", ("datum.left * width + 6", middle), "'left'", room, shown)


def _cell_shares() -> Spec:
    """Beside the name where the cell is wide, below it where it is high."""
    text = f"datum.share !== null && ({_SHARE_BESIDE} || {_SHARE_BELOW}) ? format(datum.share, '.0%') : ''"
    x = f"{_SHARE_BESIDE} ? datum.right * width - 6 : datum.left * width + 6"
    place = (x, f"{_MIDDLE} + ({_SHARE_BESIDE} ? 0 : 8)")
    return _words(text, place, f"{_SHARE_BESIDE} ? 'right' : 'left'", f"max(1, {_WIDE} - 10)", "1")


def _words(text: str, place: tuple[str, str], align: str, limit: str, opacity: str) -> Spec:
    """Text on cells."""
    ink = f"datum.share === null ? edge : {_INK}"
    look = {"align": align, "baseline": {"value": "middle"}, "fontSize": {"value": 11.5}, "fill": ink}
    x, y = place
    mark = _mark("text", {"text": text, "x": x, "y": y, "limit": limit, "opacity": opacity, **look})
    return {**mark, "interactive": False}
