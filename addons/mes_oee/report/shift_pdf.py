"""A shift report as a PDF of A4 pages, drawn with reportlab (BSD): no browser and no wkhtmltopdf is needed.

Colour carries state and nothing else; everything else is grey. The page can be read in black and white: states
differ in height as well, as on the board.

The letters are those of Open Sans, which Odoo ships for its own reports: the built-in fonts of a PDF have no letters
for Polish, Czech, Greek or Russian.
"""

from io import BytesIO
from xml.sax.saxutils import escape

from odoo.addons.mes_base.tools import palette
from odoo.tools.misc import file_path
from reportlab.lib.colors import Color, HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase.pdfmetrics import registerFont, stringWidth
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import Flowable, KeepTogether, Paragraph, SimpleDocTemplate, Spacer

from .sheet import Bars, HourLine, Ribbon, Sheet, Tile

REGULAR, BOLD = "MES Regular", "MES Bold"
for _name, _file in ((REGULAR, "Regular"), (BOLD, "Bold")):
    _font = TTFont(_name, file_path(f"web/static/fonts/google/Open_Sans/Open_Sans-{_file}.ttf"))
    # French numbers and English times hold a narrow space that Open Sans lacks: it is drawn as a thin one.
    _font.face.charToGlyph.setdefault(0x202F, _font.face.charToGlyph[0x2009])
    _font.face.charWidths.setdefault(0x202F, _font.face.charWidths[0x2009])
    registerFont(_font)
INK, GREY, PALE, ACCENT = HexColor("#101418"), HexColor("#5b646d"), HexColor("#e7eaed"), HexColor("#3a5a7a")
MARGIN = 14 * mm
WIDTH = A4[0] - 2 * MARGIN
TITLE = ParagraphStyle("title", fontName=BOLD, fontSize=16, leading=20, textColor=INK)
PLAIN = ParagraphStyle("plain", fontName=REGULAR, fontSize=9, leading=12, textColor=GREY)
HEAD = ParagraphStyle("head", fontName=BOLD, fontSize=11, leading=15, textColor=INK, spaceBefore=4 * mm)
WARNING = ParagraphStyle("warning", parent=PLAIN, fontName=BOLD, textColor=INK)
# What runs is low and what stands rises above it: so the ribbon can be read without its colours.
HEIGHTS = {"running": 0.45, "planned": 0.3, "minor": 1.0, "no_data": 0.3, "off": 0.0}


def shift_pdf(sheet: Sheet) -> bytes:
    """The PDF of a sheet."""
    target = BytesIO()
    document = SimpleDocTemplate(
        target, pagesize=A4, leftMargin=MARGIN, rightMargin=MARGIN, topMargin=12 * mm, bottomMargin=16 * mm,
        title=sheet.title, author="Gemba MES", subject=sheet.subtitle,
    )  # fmt: skip
    story: list[Flowable] = [Paragraph(escape(sheet.title), TITLE), Paragraph(escape(sheet.subtitle), PLAIN)]
    story += [Paragraph(escape(text), WARNING) for text in sheet.warnings]
    story += [Spacer(1, 3 * mm), Tiles(sheet.tiles)]
    story += [Paragraph(escape(sheet.hours_title), HEAD), HourHead(sheet.hours_columns)]
    story += [Hour(hour, max([one.good or 0 for one in sheet.hours] + [one.target or 0 for one in sheet.hours] + [1]))
              for hour in sheet.hours]  # fmt: skip
    for bars in sheet.lists:
        story += _list(bars)

    def footer(canvas, _document) -> None:
        canvas.setFont(REGULAR, 7)
        canvas.setFillColor(GREY)
        for place, line in enumerate(sheet.footer):
            canvas.drawString(MARGIN, 11 * mm - place * 3 * mm, _fitted(line, 7, WIDTH - 12 * mm))
        canvas.drawRightString(A4[0] - MARGIN, 11 * mm, str(canvas.getPageNumber()))

    document.build(story, onFirstPage=footer, onLaterPages=footer)
    return target.getvalue()


def _list(bars: Bars) -> list[Flowable]:
    """A heading with its bars; the heading never stands alone at the foot of a page."""
    head = Paragraph(escape(bars.title), HEAD)
    if not bars.bars:
        return [KeepTogether([head, Paragraph(escape(bars.empty), PLAIN)])]
    first, *rest = [BarLine(bar.label, bar.share, bar.cells, bar.kind) for bar in bars.bars]
    return [KeepTogether([head, BarHead(bars.columns), first]), *rest]


class Row(Flowable):
    """A flowable as wide as the page."""

    def __init__(self, height: float) -> None:
        super().__init__()
        self.width, self.height = WIDTH, height

    def wrap(self, *_available: float) -> tuple[float, float]:
        return self.width, self.height

    def text(self, x: float, y: float, words: str, size: float = 8, bold: bool = False, color: Color = INK) -> None:
        self.canv.setFont(BOLD if bold else REGULAR, size)
        self.canv.setFillColor(color)
        self.canv.drawString(x, y, words)

    def right(self, x: float, y: float, words: str, size: float = 8, color: Color = INK) -> None:
        self.canv.setFont(REGULAR, size)
        self.canv.setFillColor(color)
        self.canv.drawRightString(x, y, words)


class Tiles(Row):
    """The big figures in a line."""

    def __init__(self, tiles: tuple[Tile, ...]) -> None:
        super().__init__(22 * mm)
        self.tiles = tiles

    def draw(self) -> None:
        gap = 3 * mm
        width = (WIDTH - gap * (len(self.tiles) - 1)) / max(1, len(self.tiles))
        for place, tile in enumerate(self.tiles):
            self._tile(place * (width + gap), width, tile)

    def _tile(self, x: float, width: float, tile: Tile) -> None:
        self.canv.setStrokeColor(PALE)
        self.canv.roundRect(x, 0, width, self.height, 2 * mm)
        inner = width - 4 * mm
        self.text(x + 2 * mm, self.height - 5 * mm, _fitted(tile.label, 7.5, inner), 7.5, color=GREY)
        size = _shrunk(tile.value, 15, inner)
        self.text(x + 2 * mm, self.height - 12 * mm, _fitted(tile.value, size, inner, True), size, bold=True)
        self.text(x + 2 * mm, self.height - 16.5 * mm, _fitted(tile.compared, 7, inner), 7, color=GREY)
        if tile.share is None:
            return
        self.canv.setFillColor(PALE)
        self.canv.rect(x + 2 * mm, 2 * mm, inner, 1.6 * mm, stroke=0, fill=1)
        self.canv.setFillColor(ACCENT)
        self.canv.rect(x + 2 * mm, 2 * mm, inner * min(1.0, max(0.0, tile.share)), 1.6 * mm, stroke=0, fill=1)
        if tile.mark is not None:
            at = x + 2 * mm + inner * min(1.0, max(0.0, tile.mark))
            self.canv.setStrokeColor(INK)
            self.canv.line(at, 1.3 * mm, at, 4.3 * mm)


# Where the columns of an hour begin: label, ribbon, bar, pieces, lost, reason.
_LABEL, _RIBBON, _BAR, _PIECES, _LOST, _REASON = 0.0, 14 * mm, 70 * mm, 106 * mm, 108 * mm, 126 * mm


class HourHead(Row):
    """The names of an hour's columns."""

    def __init__(self, columns: tuple[str, ...]) -> None:
        super().__init__(5 * mm)
        self.columns = columns

    def draw(self) -> None:
        for x, words in zip((_LABEL, _RIBBON, _BAR, _LOST, _REASON), self.columns, strict=False):
            self.text(x, 1.5 * mm, words, 7, color=GREY)


class Hour(Row):
    """An hour: its ribbon, pieces against target, what was lost and why."""

    def __init__(self, hour: HourLine, most: int) -> None:
        super().__init__(7.2 * mm)
        self.hour, self.most = hour, most

    def draw(self) -> None:
        hour = self.hour
        self.text(_LABEL, 2 * mm, hour.label, 8.5, bold=True)
        for span in hour.ribbon:
            self._span(span)
        self._bar()
        self.right(_PIECES, 2 * mm, hour.made)
        self.text(_LOST, 2 * mm, hour.lost, 8)
        self.text(_REASON, 2 * mm, _fitted(hour.reason, 8, WIDTH - _REASON), 8)

    def _span(self, span: Ribbon) -> None:
        """A stretch of the hour; no data is hatched."""
        width = _BAR - _RIBBON - 4 * mm
        x, end = _RIBBON + width * span.start, _RIBBON + width * span.end
        height = 5.6 * mm * HEIGHTS.get(span.kind, 0.8)
        if not height:
            return
        if span.kind == "no_data":
            self.canv.setFillColor(HexColor(palette.NO_DATA_PAPER))
            self.canv.rect(x, 0.8 * mm, end - x, height, stroke=0, fill=1)
            self.canv.setStrokeColor(HexColor(palette.NO_DATA_LINE))
            at = x
            while at < end:
                self.canv.line(at, 0.8 * mm, min(end, at + 1.2 * mm), 0.8 * mm + height)
                at += 1.6 * mm
            return
        self.canv.setFillColor(HexColor(palette.STATE_COLORS.get(span.kind, palette.PLANNED)))
        self.canv.rect(x, 0.8 * mm, max(end - x, 0.2 * mm), height, stroke=0, fill=1)

    def _bar(self) -> None:
        """Good pieces, with the target as a mark."""
        width = _PIECES - _BAR - 12 * mm
        self.canv.setFillColor(PALE)
        self.canv.rect(_BAR, 2 * mm, width, 2.4 * mm, stroke=0, fill=1)
        if self.hour.good:
            self.canv.setFillColor(ACCENT)
            self.canv.rect(_BAR, 2 * mm, width * self.hour.good / self.most, 2.4 * mm, stroke=0, fill=1)
        if self.hour.target:
            at = _BAR + width * self.hour.target / self.most
            self.canv.setStrokeColor(INK)
            self.canv.line(at, 1.2 * mm, at, 5.2 * mm)


_NAME, _LINE = 0.0, 62 * mm
_CELL = 24 * mm


class BarHead(Row):
    """The names of a list's columns; those of numbers stand over their right edge."""

    def __init__(self, columns: tuple[str, ...]) -> None:
        super().__init__(4.5 * mm)
        self.columns = columns

    def draw(self) -> None:
        for place, words in enumerate(self.columns):
            self.right(WIDTH - _CELL * (len(self.columns) - 1 - place), 1.2 * mm, words, 7, GREY)


class BarLine(Row):
    """A name, a bar, and numbers."""

    def __init__(self, label: str, share: float, cells: tuple[str, ...], kind: str) -> None:
        super().__init__(5.4 * mm)
        self.label, self.share, self.cells, self.kind = label, share, cells, kind

    def draw(self) -> None:
        self.text(_NAME, 1.4 * mm, _fitted(self.label, 8.5, _LINE - 3 * mm), 8.5)
        room = WIDTH - _LINE - _CELL * len(self.cells) - 2 * mm
        self.canv.setFillColor(HexColor(palette.STATE_COLORS.get(self.kind, palette.PLANNED)))
        self.canv.setStrokeColor(GREY)
        width = room * min(1.0, abs(self.share))
        # What is negative (faster than ideal) is drawn as an outline only.
        self.canv.rect(_LINE, 1.1 * mm, max(width, 0.2 * mm), 3 * mm, stroke=1, fill=int(self.share >= 0))
        for place, words in enumerate(self.cells):
            self.right(WIDTH - _CELL * (len(self.cells) - 1 - place), 1.4 * mm, words, 8.5)


def _shrunk(words: str, size: float, width: float) -> float:
    """The size in which a bold number has its room: half of it would be another number."""
    # A hair less: what fits exactly would be too wide by the last binary digit.
    return max(8.0, min(size, 0.999 * size * width / stringWidth(words or " ", BOLD, size)))


def _fitted(words: str, size: float, width: float, bold: bool = False) -> str:
    """The words cut to a width, with an ellipsis where something is missing."""
    font = BOLD if bold else REGULAR
    if stringWidth(words, font, size) <= width:
        return words
    while words and stringWidth(f"{words}…", font, size) > width:
        words = words[:-1]
    return f"{words}…"
