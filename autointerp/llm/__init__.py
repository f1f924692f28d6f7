"""Talking to LLMs: requests in, validated replies out; every attempt journalled, nothing paid twice."""

from autointerp.llm._ask import ask
from autointerp.llm._asking import BY_DEFAULT, Asking
from autointerp.llm._attempt import Attempt
from autointerp.llm._budget import Limits
from autointerp.llm._estimate import Estimate, estimate
from autointerp.llm._handoff import Handoff
from autointerp.llm._history import History
from autointerp.llm._journal import Journal
from autointerp.llm._provider import Provider, RawReply, SendError
from autointerp.llm._reply import Outcome, Reply, Usage
from autointerp.llm._request import Message, Request, request_key
from autointerp.llm._rung import Rung
from autointerp.llm._schema import wire_format, wire_schema
from autointerp.llm._spec import ProviderSpec, is_same_model, parse_provider
from autointerp.llm._validate import validate_reply

__all__ = [
    "BY_DEFAULT",
    "Asking",
    "Attempt",
    "Estimate",
    "Handoff",
    "History",
    "Journal",
    "Limits",
    "Message",
    "Outcome",
    "Provider",
    "ProviderSpec",
    "RawReply",
    "Reply",
    "Request",
    "Rung",
    "SendError",
    "Usage",
    "ask",
    "estimate",
    "is_same_model",
    "parse_provider",
    "request_key",
    "validate_reply",
    "wire_format",
    "wire_schema",
]
