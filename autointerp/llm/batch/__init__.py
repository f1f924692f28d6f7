"""Requests through the providers' batch services: cheaper, within a day, and never submitted twice by accident."""

from autointerp.llm.batch._book import BatchBook, OpenBatch
from autointerp.llm.batch._run import BatchRun
from autointerp.llm.batch._service import BatchService, BatchState, open_service

__all__ = ["BatchBook", "BatchRun", "BatchService", "BatchState", "OpenBatch", "open_service"]
