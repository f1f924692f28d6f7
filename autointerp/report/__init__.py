"""Pages to look at, and the doctor."""

from autointerp.report._doctor import Finding, diagnose, exit_code
from autointerp.report._evaluation import write_evaluation
from autointerp.report._write import write_report

__all__ = ["Finding", "diagnose", "exit_code", "write_evaluation", "write_report"]
