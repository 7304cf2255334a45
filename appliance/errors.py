"""The error family: one class per kind of answer, named as the API names them on the wire.

Handlers never build error bodies; `api/problems.py` turns a class into a status and a body. Source: user guide,
"Error handling"; `harmony.<ClassName>` is the public code unless `code` says otherwise.
"""


class HarmoniumError(Exception):
    """The family. Not raised itself: choose the member that says who can mend it."""

    status = 500
    code = "harmony.ServerError"

    def __init__(self, message: str):
        super().__init__(message)
        self.message = message


class RequestValidationError(HarmoniumError):
    """The client can repair this (HTTP 400). Not for a request that is fine but cannot be served."""

    status = 400
    code = "harmony.RequestValidationError"


class SchemaValidationError(RequestValidationError):
    """A parameter breaks the published schema: type, count, minimum (HTTP 400, code `openapi.ValidationError`)."""

    code = "openapi.ValidationError"


class UnauthorizedError(HarmoniumError):
    """Who asks is unknown (HTTP 401, with a Basic challenge). Not for somebody known who may not: ForbiddenError."""

    status = 401
    code = "harmony.UnauthorizedError"


class ForbiddenError(HarmoniumError):
    """Known, but not allowed (HTTP 403). Not for things one may not know of: NotFoundError."""

    status = 403
    code = "harmony.ForbiddenError"


class NotFoundError(HarmoniumError):
    """No such thing, or none that the asker may know of (HTTP 404)."""

    status = 404
    code = "harmony.NotFoundError"

    def __init__(self, message: str = "The requested resource could not be found"):
        super().__init__(message)


class ConflictError(HarmoniumError):
    """Well formed, but the present state of the job forbids it (HTTP 409)."""

    status = 409
    code = "harmony.ConflictError"


class GoneError(HarmoniumError):
    """It was there and has expired (HTTP 410). Not for what never was: NotFoundError."""

    status = 410
    code = "harmony.GoneError"


class TooLargeError(HarmoniumError):
    """The upload passes a limit, which the message names (HTTP 413)."""

    status = 413
    code = "harmony.RequestValidationError"


class MisdirectedError(HarmoniumError):
    """The Host header names a server that we are not (HTTP 421)."""

    status = 421
    code = "harmony.MisdirectedRequestError"


class UnsupportedOperation(HarmoniumError):
    """The request is fine, but no service chain can do it for these collections (HTTP 422)."""

    status = 422
    code = "harmony.UnsupportedOperation"


class ServiceError(HarmoniumError):
    """A synchronous request was carried out and failed (HTTP 400)."""

    status = 400
    code = "harmony.ServiceError"


class ServerError(HarmoniumError):
    """Our fault (HTTP 500). Not for anything that a client can send."""


class UnavailableError(HarmoniumError):
    """A part is down, a disk is full (HTTP 503 with Retry-After)."""

    status = 503
    code = "harmony.ServiceUnavailableError"


class SettingsError(Exception):
    """What the operator set cannot be used; the message says where, what was found, what is allowed."""
