"""Prints a workbook as JSON, as openpyxl reads it: for each sheet its name, frozen cell, filter, widths, and rows of cells
with value, type and number format."""

import datetime
import json
import sys

import openpyxl
from openpyxl.utils import get_column_letter


def cell(cell):
    value = cell.value
    if isinstance(value, datetime.datetime):
        value = value.isoformat()
    elif isinstance(value, datetime.timedelta):
        value = value.total_seconds()
    elif isinstance(value, datetime.time):
        value = value.hour * 3600 + value.minute * 60 + value.second
    return {"value": value, "type": type(cell.value).__name__, "format": cell.number_format, "bold": bool(cell.font.b)}


def sheet(sheet):
    widths = [sheet.column_dimensions[get_column_letter(n)].width for n in range(1, sheet.max_column + 1)]
    return {
        "name": sheet.title,
        "frozen": sheet.freeze_panes,
        "filter": sheet.auto_filter.ref,
        "widths": widths,
        "rows": [[cell(one) for one in row] for row in sheet.iter_rows()],
    }


workbook = openpyxl.load_workbook(sys.argv[1])
json.dump([sheet(one) for one in workbook.worksheets], sys.stdout)
