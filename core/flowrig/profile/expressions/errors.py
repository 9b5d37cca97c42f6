"""The error of an expression that cannot be read or has no meaning."""

__all__ = ["ExpressionError"]


class ExpressionError(ValueError):
    """A text is no expression, or an expression has no meaning.

    Attributes:
        message: what is wrong.
        expected: what would be right, as a noun phrase; "" if the message says it.
        offset: position of the mistake, in characters from the start of the text.
        nearest: the valid name that is nearest to a misspelt one; "" if none is near.
    """

    def __init__(self, message: str, offset: int, expected: str = "", nearest: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.expected = expected
        self.offset = offset
        self.nearest = nearest
