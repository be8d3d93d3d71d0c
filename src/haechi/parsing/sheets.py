"""An XLSX workbook as blocks: a sheet is a heading, what stands together between blank rows a table.

Read by calamine: values as Excel last calculated them. Gives up hidden sheets, comments, charts and number formats.
"""

import io
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby

from haechi.parsing.content import Block, Content, content, heading, paragraph, table
from haechi.parsing.json_fields import Malformed
from haechi.parsing.zip_archive import open_zip


def read_xlsx(data: bytes) -> Content:
    """All visible sheets; the name of a lone one says nothing."""
    import python_calamine as calamine

    open_zip(data, "xl/workbook.xml").close()
    try:
        book = calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
        shown = [sheet.name for sheet in book.sheets_metadata if sheet.visible == calamine.SheetVisibleEnum.Visible]
        sheets = [(name, book.get_sheet_by_name(name).to_python()) for name in shown]
    except calamine.CalamineError as error:
        raise Malformed("damaged_file", f"is no workbook that can be read ({error}): save it again") from error
    blocks: list[Block] = []
    for name, rows in sheets:
        blocks += [heading(name, 1)] * (len(sheets) > 1)
        blocks += _tables([[_shown(cell) for cell in row] for row in rows])
    return content("", blocks)


def _tables(rows: Sequence[Sequence[str]]) -> Iterator[Block]:
    """Rows up to a blank one, without columns that hold no text; a lone column is text."""
    for filled, part in groupby(rows, key=lambda row: any(row)):
        if filled:
            group = list(part)
            used = [at for at in range(max(map(len, group))) if any(row[at] for row in group)]
            kept = [[row[at] for at in used] for row in group]
            yield paragraph("\n".join(row[0] for row in kept)) if len(used) == 1 else table(kept)


def _shown(cell: object) -> str:
    """As people write it: 3 and not 3.0, a day without its midnight."""
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ").removesuffix(" 00:00:00")
    return str(cell).strip()
