"""How commands speak: results on standard output, everything else on standard error."""

from rich.console import Console
from rich.markup import escape

out = Console()
err = Console(stderr=True)


def fail(message: str) -> None:
    """Tell why a command could not do what was asked."""
    err.print(f"[bold red]Error:[/] {escape(message)}", soft_wrap=True)
