"""Every error Nexus raises on purpose, by what the caller can do about it.

NexusError
├── InvalidInput            change what was sent; names the field and the remedy
│   ├── SettingsInvalid         a setting or configuration file
│   ├── ArgumentsInvalid        a tool's arguments; goes back to the model
│   └── DecisionInvalid         an answer to an approval
├── Refused                 not allowed; asking again does not help
│   ├── Unidentified            a key is needed, and none was sent that is valid
│   ├── PolicyDenied            a rule forbids the call
│   ├── ApprovalExpired         the time to decide is over
│   ├── DigestMismatch          what would run is not what was approved
│   └── NotConnected            there is no active account to act on, so nothing happened
├── NotFound                no such thread, approval, tool or model
├── Conflict                somebody else was first
├── Unavailable             try again later
│   ├── ModelUnavailable        the model's server does not answer, or not in time
│   ├── StoreUnavailable        the database is locked, full or read-only
│   ├── ClockSetBack            the clock is behind what is already recorded
│   └── NotSent                 the tool's service was not reached, so nothing happened
├── ModelFailed             the model answered, but not with something that can be used
│   ├── ModelMissing            the model is not installed
│   ├── OutputCut               the answer was cut off by its length limit
│   ├── OutputInvalid           the answer is not the JSON that was asked for
│   └── PromptTooLong           the prompt does not fit the context window
├── ToolFailed              the tool ran and definitely did not succeed
│   └── RateLimited             its service takes no more calls for now, so nothing happened
└── OutcomeUnknown          the tool was called, and nobody can know whether it acted
"""

from __future__ import annotations


class NexusError(Exception):
    """Something Nexus was asked to do could not be done."""

    def __init__(self, message: str | None = None, *, remedy: str | None = None) -> None:
        self.message = message or (type(self).__doc__ or "").strip().splitlines()[0]
        self.remedy = remedy
        super().__init__(f"{self.message} {remedy}" if remedy else self.message)


class InvalidInput(NexusError):
    """What was sent cannot be used."""

    def __init__(
        self, message: str | None = None, *, field: str | None = None, remedy: str | None = None
    ) -> None:
        self.field = field
        super().__init__(f"{field}: {message}" if field and message else message, remedy=remedy)


class SettingsInvalid(InvalidInput):
    """A setting has a value that cannot be used."""


class ArgumentsInvalid(InvalidInput):
    """The arguments do not fit the tool."""


class DecisionInvalid(InvalidInput):
    """The answer to an approval cannot be used."""


class Refused(NexusError):
    """This is not allowed."""


class Unidentified(Refused):
    """Nobody knows who asks."""


class PolicyDenied(Refused):
    """A policy rule forbids this call."""


class ApprovalExpired(Refused):
    """The time to decide on this approval is over."""


class DigestMismatch(Refused):
    """What would run is not what was approved."""


class NotConnected(Refused):
    """There is no active account to act on, so nothing happened."""


class NotFound(NexusError):
    """There is no such thing."""


class Conflict(NexusError):
    """Somebody else was first."""


class Unavailable(NexusError):
    """This cannot be done right now."""

    def __init__(
        self, message: str | None = None, *, remedy: str | None = None, retry_after: float | None = None
    ) -> None:
        self.retry_after = retry_after
        super().__init__(message, remedy=remedy)


class ModelUnavailable(Unavailable):
    """The model's server does not answer."""


class StoreUnavailable(Unavailable):
    """The database cannot be written right now."""


class ClockSetBack(Unavailable):
    """The clock is behind what is already recorded."""


class NotSent(Unavailable):
    """The tool's service was not reached, so nothing happened."""


class ModelFailed(NexusError):
    """The model's answer cannot be used."""


class ModelMissing(ModelFailed):
    """The model is not installed."""


class OutputCut(ModelFailed):
    """The model's answer was cut off by its length limit."""


class OutputInvalid(ModelFailed):
    """The model's answer is not the JSON that was asked for."""


class PromptTooLong(ModelFailed):
    """The prompt does not fit the model's context window."""


class ToolFailed(NexusError):
    """The tool ran and definitely did not succeed."""


class RateLimited(ToolFailed):
    """The tool's service takes no more calls for now, so nothing happened."""

    def __init__(
        self, message: str | None = None, *, remedy: str | None = None, retry_after: float | None = None
    ) -> None:
        self.retry_after = retry_after
        super().__init__(message, remedy=remedy)


class OutcomeUnknown(NexusError):
    """The tool was called, and nobody can know whether it acted.

    `reference` is the provider's own id of the call, `retry_after` the seconds it asks to wait.
    """

    def __init__(
        self,
        message: str | None = None,
        *,
        remedy: str | None = None,
        reference: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        self.reference = reference
        self.retry_after = retry_after
        super().__init__(message, remedy=remedy)
