"""The one error of this program: a code of the contract's error map, with its sentence."""

from typing import Any


class Failed(Exception):
    """Ends the program with an error document."""

    def __init__(self, code: str, message: str, details: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details

    def document(self) -> dict[str, Any]:
        """What stdout says."""
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        return {"error": error | ({"details": self.details} if self.details else {})}
