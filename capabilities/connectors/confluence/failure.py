"""The one error of this program: a code of the contract's error map, with its sentence."""

from typing import Any


class Failed(Exception):
    """Ends the program with an error document."""

    def __init__(self, code: str, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retry_after = retry_after

    def document(self) -> dict[str, Any]:
        """What stdout says."""
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.retry_after is not None:
            error["retryAfterSeconds"] = self.retry_after
        return {"error": error}
