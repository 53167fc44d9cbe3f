"""What all errors share."""


class VsmError(Exception):
    """Something went wrong."""

    type_name = "error"

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail or self.title())

    @classmethod
    def title(cls) -> str:
        """Return the sentence that names this kind of error."""
        return (cls.__doc__ or "").strip().splitlines()[0]

    @property
    def detail(self) -> str:
        """What happened this time, and how to put it right."""
        return str(self.args[0])
