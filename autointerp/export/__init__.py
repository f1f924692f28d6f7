"""A run's labels as files for people and programs."""

from autointerp.export._csv import read_labels_csv, write_labels_csv
from autointerp.export._folder import replace_folder
from autointerp.export._formats import FORMATS, Format, write_export
from autointerp.export._jsonl import write_labels_jsonl
from autointerp.export._request import Parts, Request
from autointerp.export._rows import COLUMNS, LabelRecord, label_records

__all__ = [
    "COLUMNS",
    "FORMATS",
    "Format",
    "LabelRecord",
    "Parts",
    "Request",
    "label_records",
    "read_labels_csv",
    "replace_folder",
    "write_export",
    "write_labels_csv",
    "write_labels_jsonl",
]
