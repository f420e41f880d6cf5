"""Excel workbooks, as small as they can be: sheets of texts and numbers."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

Cell = str | float | None

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>'
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_DOCUMENT = "http://schemas.openxmlformats.org/officeDocument/2006"
_SHEETS = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"


def write_workbook(path: Path, sheets: Mapping[str, Sequence[Sequence[Cell]]]) -> Path:
    """A workbook with these sheets, each a list of rows; None is an empty cell."""
    numbers = range(1, len(sheets) + 1)
    types = "".join(
        f'<Override PartName="/xl/worksheets/sheet{i}.xml" ContentType="{_TYPE}.worksheet+xml"/>'
        for i in numbers
    )
    listed = "".join(
        f'<sheet name={quoteattr(name)} sheetId="{i}" r:id="rId{i}"/>'
        for i, name in zip(numbers, sheets, strict=True)
    )
    links = "".join(_link(i, "worksheet", f"worksheets/sheet{i}.xml") for i in numbers)
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(
            "[Content_Types].xml",
            f'{_HEAD}<Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels" '
            'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>{types}</Types>',
        )
        file.writestr("_rels/.rels", _links(_link(1, "officeDocument", "xl/workbook.xml")))
        book = f'<workbook xmlns="{_SHEETS}" xmlns:r="{_DOCUMENT}/relationships">'
        file.writestr("xl/workbook.xml", f"{_HEAD}{book}<sheets>{listed}</sheets></workbook>")
        file.writestr("xl/_rels/workbook.xml.rels", _links(links))
        for i, rows in zip(numbers, sheets.values(), strict=True):
            data = "".join(f"<row>{''.join(map(_cell, row))}</row>" for row in rows)
            sheet = f'<worksheet xmlns="{_SHEETS}"><sheetData>{data}</sheetData></worksheet>'
            file.writestr(f"xl/worksheets/sheet{i}.xml", _HEAD + sheet)
    return path


def _cell(value: Cell) -> str:
    if value is None:
        return "<c/>"
    if isinstance(value, str):
        return f'<c t="inlineStr"><is><t xml:space="preserve">{escape(value)}</t></is></c>'
    return f"<c><v>{value}</v></c>"


def _link(number: int, what: str, target: str) -> str:
    return f'<Relationship Id="rId{number}" Type="{_DOCUMENT}/relationships/{what}" Target="{target}"/>'


def _links(links: str) -> str:
    return f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships">{links}</Relationships>'
