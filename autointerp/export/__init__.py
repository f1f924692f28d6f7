"""A run's labels as files for people and programs."""

from autointerp.export._csv import read_labels_csv, write_labels_csv
from autointerp.export._formats import FORMATS, write_export
from autointerp.export._jsonl import write_labels_jsonl
from autointerp.export._rows import COLUMNS, LabelRecord, label_records

__all__ = [
    "COLUMNS",
    "FORMATS",
    "LabelRecord",
    "label_records",
    "read_labels_csv",
    "write_export",
    "write_labels_csv",
    "write_labels_jsonl",
]
