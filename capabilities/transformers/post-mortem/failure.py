"""The one error of this program: a code of the contract's error map, with its sentence."""


class Failed(Exception):
    """Ends the program with an error document."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
