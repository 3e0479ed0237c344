"""A snapshot as HTML. Every text that comes from outside is escaped; nothing is loaded from elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any

from ..snapshot import ConnectionView, Snapshot, StreamView, TagView
from .strings import TEXTS

Texts = Mapping[str, str]

# Rows of tags on the page; the others are found by name.
MOST_ROWS = 500
# What drivers count, in the order it is told; a clock that is off by less is right.
FIGURES = ("sessions", "healed", "repaired", "overflowed")
OFFSET_S = 0.1


@cache
def asset(name: str) -> str:
    """A file of ``assets``, read once."""
    return (files(__package__) / "assets" / name).read_text(encoding="utf-8")


def page(shot: Snapshot, language: str, nonce: str) -> str:
    """The whole document."""
    texts = TEXTS[language]
    return asset("page.html").format(
        language=language, title=escape(f"{shot.stream} · {texts['title']}"), nonce=nonce, style=asset("page.css"),
        script=asset("page.js"), main=main(shot, language), unreachable=escape(texts["unreachable"]),
        no_match=escape(texts["no_match"]),
    )  # fmt: skip


def main(shot: Snapshot, language: str, find: str = "") -> str:
    """What the page's script fetches anew every two seconds; ``find``: what the tags shown contain."""
    texts = TEXTS[language]
    sections = (_head(shot, texts), _tiles(shot, texts), _alarms(shot, texts), _connections(shot, texts),
                _streams(shot, texts), _machines(shot, texts), _findings(shot, texts), _tags(shot, texts, find),
                _foot(shot, texts))  # fmt: skip
    return "".join(sections)


def duration(seconds: float) -> str:
    """``75.2`` -> ``1 min 15 s``, the two largest units."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = int(seconds)
    for size, big, small_size, small in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            return f"{whole // size} {big} {whole % size // small_size} {small}"
    return f"{whole} s"


def size(count: int) -> str:
    """Bytes for people."""
    return f"{count / 2**20:.1f} MB" if count >= 2**20 else f"{count / 1024:.0f} kB"


def number(count: float) -> str:
    """Digits in groups of three, with a narrow space that no language misreads."""
    return f"{count:,}".replace(",", "\u202f")


def shown(value: object) -> str:
    """A value as people read it."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float):
        return f"{value:.6g}"
    return number(value) if isinstance(value, int) else str(value)[:120]


# -- sections


def _head(shot: Snapshot, texts: Texts) -> str:
    bad = bool(shot.alarms or shot.stuck) or not all(c.up for c in shot.connections)
    state, word = ("bad", texts["attention"]) if bad else ("good", texts["well"])
    return (
        f'<header><h1>{escape(shot.stream)} <small>{escape(texts["title"])}</small></h1>'
        f'<p class="pill {state}" role="status">{escape(word)}</p>'
        f'<p class="time">{escape(texts["updated"])} {_time(shot.plant_time)}</p></header>'
    )


def _tiles(shot: Snapshot, texts: Texts) -> str:
    up, links = sum(c.up for c in shot.connections), len(shot.connections)
    good, tags = sum(t.quality == "good" and not t.stale for t in shot.tags), len(shot.tags)
    waiting, lag_s = sum(s.pending for s in shot.streams), max((s.lag_s for s in shot.streams), default=0.0)
    joined = all(s.connected for s in shot.streams)
    tiles = (
        (texts["connections"], f"{up}/{links}", up == links),
        (texts["tags"], f"{number(good)}/{number(tags)}", good == tags),
        (texts["waiting"], number(waiting), True),
        (texts["lag"], duration(lag_s), lag_s < 10),
        ("Odoo", texts["up"] if joined else texts["down"], joined),
    )
    cells = "".join(
        f'<div class="tile{"" if well else " bad"}"><dt>{escape(label)}</dt><dd>{escape(value)}</dd></div>'
        for label, value, well in tiles
    )
    return f'<dl class="tiles">{cells}</dl>'


def _alarms(shot: Snapshot, texts: Texts) -> str:
    items = [
        f"<b>{escape(a.code)}</b> {escape(a.text)}"
        + (f'<br><span class="mend">{escape(texts["mend"])}: {escape(a.mend)}</span>' if a.mend else "")
        for a in shot.alarms
    ]
    if shot.stuck:
        items.append(escape(texts["stuck"].format(names=", ".join(shot.stuck))))
    listed = "".join(f"<li>{item}</li>" for item in items)
    body = f'<ul class="alarms">{listed}</ul>' if items else _empty(texts["no_alarms"])
    return _section("alarms", texts["alarms"], body)


def _connections(shot: Snapshot, texts: Texts) -> str:
    def row(c: ConnectionView) -> Sequence[str]:
        state = _mark("good", texts["up"]) if c.up else _mark("bad", f"{texts['down']}: {c.state.partition(': ')[2]}")
        if c.skew_s:
            state += " " + _mark("warn", texts["skew"].format(seconds=f"{c.skew_s:+.1f}"))
        if told := _figures(c, texts):
            state += f"<br><small>{escape(told)}</small>"
        return (escape(c.name), escape(c.driver), state, _right(c.tags), _right(c.samples), _right(c.opens),
                _right(c.overruns))  # fmt: skip

    head = ("name", "driver", "state", "#tags", "#values", "#opens", "#overruns")
    return _table("connections", head, map(row, shot.connections), texts, texts["no_connections"])


def _figures(c: ConnectionView, texts: Texts) -> str:
    """What the driver counts, as far as there is something to tell."""
    told = [texts[name].format(count=number(c.figures[name])) for name in FIGURES if c.figures.get(name)]
    offset_s = c.figures.get("skew_ms", 0) / 1000
    if not c.skew_s and abs(offset_s) >= OFFSET_S:
        told.append(texts["skew"].format(seconds=f"{offset_s:+.1f}"))
    return " · ".join(told)


def _streams(shot: Snapshot, texts: Texts) -> str:
    def row(s: StreamView) -> Sequence[str]:
        state = _mark("good", texts["connected"]) if s.connected else _mark("bad", s.error or texts["down"])
        return (escape(s.name), state, _right(s.pending), _right(duration(s.lag_s)), _right(s.applied),
                _right(s.rejected), _right(size(s.size_bytes)))  # fmt: skip

    head = ("stream", "state", "#waiting", "#lag", "#applied", "#rejected", "#size")
    return _table("streams", head, map(row, shot.streams), texts, "")


def _machines(shot: Snapshot, texts: Texts) -> str:
    def row(item: tuple[str, Mapping[str, Any]]) -> Sequence[str]:
        code, machine = item
        state = str(machine.get("state") or "no_data")
        level = {"running": "good", "down": "bad", "no_data": "none"}.get(state, "warn")
        counts = " · ".join(f"{escape(name)} {shown(total)}" for name, total in machine.get("counts", {}).items())
        since = machine.get("since")
        word = texts["stopped"] if state == "down" else texts.get(state, state)
        return _path(code), _mark(level, word), _time(str(since)) if since else "–", counts or "–"

    head = ("equipment", "state", "since", "counts")
    return _table("machines", head, map(row, sorted(shot.machines.items())), texts, texts["no_machines"])


def _findings(shot: Snapshot, texts: Texts) -> str:
    """Only when there are any."""
    rows = [(_time(f.at), escape(f.connection), escape(f.text)) for f in shot.findings]
    return _table("findings", ("time", "connection", "text"), rows, texts, "") if rows else ""


def chosen(tags: Sequence[TagView], find: str) -> list[TagView]:
    """The tags whose name, connection or value contains ``find``; of too many those first that need a look."""
    needle = find.lower()
    found = [t for t in tags if needle in f"{t.tag} {t.connection} {shown(t.value)}".lower()] if needle else list(tags)
    if len(found) > MOST_ROWS:
        found.sort(key=lambda t: t.quality == "good" and not t.stale)
    return found


def _tags(shot: Snapshot, texts: Texts, wanted: str) -> str:
    def row(t: TagView) -> Sequence[str]:
        quality = "stale" if t.stale and t.quality != "none" else t.quality
        level = {"good": "good", "bad": "bad", "stale": "bad", "none": "none"}.get(quality, "warn")
        value = f"{escape(shown(t.value))} <small>{escape(t.unit)}</small>"
        age = duration(t.age_s) if t.age_s is not None else "–"
        return (_path(t.tag), f'<span class="right">{value}</span>', _right(age), _mark(level, texts[quality]),
                escape(t.connection))  # fmt: skip

    if not shot.tags:
        return _section("tags", texts["tags"], _empty(texts["no_tags"]))
    label = escape(texts["filter"])
    find = f'<input type="search" id="find" placeholder="{label}" aria-label="{label}" autocomplete="off">'
    head = ("tag", "#value", "#age", "quality", "connection")
    found = chosen(shot.tags, wanted)
    if len(found) > MOST_ROWS:
        find += _empty(texts["more"].format(shown=number(MOST_ROWS), all=number(len(found))))
    return _table("tags", head, map(row, found[:MOST_ROWS]), texts, texts["no_match"], find)


def _foot(shot: Snapshot, texts: Texts) -> str:
    facts = {
        "version": shot.version, "uptime": duration(shot.uptime_s),
        "revision": "–" if shot.tag_revision is None else str(shot.tag_revision),
        "memory": size(shot.process.rss_bytes),
    }  # fmt: skip
    line = " · ".join(f"{escape(texts[key])} {escape(value)}" for key, value in facts.items())
    return f'<footer>{line} · <a href="/metrics">/metrics</a> · <a href="/status.json">/status.json</a></footer>'


# -- pieces


def _section(name: str, title: str, body: str, more: str = "") -> str:
    return f'<section id="{name}"><h2>{escape(title)}</h2>{more}{body}</section>'


def _table(
    name: str, head: Sequence[str], rows: Iterable[Sequence[str]], texts: Texts, empty: str, more: str = ""
) -> str:
    """``#`` before a column's key: numbers, aligned right. Cells are HTML already."""
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    if not body:
        return _section(name, texts[name], _empty(empty), more)
    columns = "".join(
        f'<th scope="col"{" class=right" if key.startswith("#") else ""}>{escape(texts[key.lstrip("#")])}</th>'
        for key in head
    )
    table = f'<div class="wide"><table><thead><tr>{columns}</tr></thead><tbody>{body}</tbody></table></div>'
    return _section(name, texts[name], table, more)


def _mark(level: str, word: str) -> str:
    return f'<span class="mark {level}">{escape(word)}</span>'


def _path(name: str) -> str:
    """A long name breaks after a slash, not within a word."""
    return escape(name).replace("/", "/<wbr>")


def _time(moment: str) -> str:
    """The page's script shows it in the reader's own time."""
    return f'<time datetime="{escape(moment)}">{escape(moment)}</time>'


def _right(value: float | str) -> str:
    return f'<span class="right">{escape(value if isinstance(value, str) else number(value))}</span>'


def _empty(sentence: str) -> str:
    return f'<p class="empty">{escape(sentence)}</p>'
