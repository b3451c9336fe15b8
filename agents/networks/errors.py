"""The error of this package."""


class NetworkError(ValueError):
    """A network that cannot be built or used as asked; the message names the culprit and the remedy."""
