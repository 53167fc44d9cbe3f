"""`vsm migrate` and `vsm data …`: the database's schema and the embedded database's folder."""

from typing import Annotated

import typer

from app.cli.console import err, out
from app.cli.database import data_dir, database_url
from app.settings import Settings
from app.store import embedded, schema

group = typer.Typer(help="The embedded database's data.", no_args_is_help=True)


def migrate() -> None:
    """Bring the database's schema up to date; safe to run from several places at once."""
    settings = Settings.read()
    with database_url(settings) as url:
        if settings.database_url is not None:
            schema.upgrade(url)
        err.print(f"Schema is at revision {schema.head()}.")


@group.command()
def path() -> None:
    """Print the folder that holds the embedded database."""
    out.print(str(data_dir(Settings.read())), soft_wrap=True, highlight=False)


@group.command()
def reset(
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Delete without asking.")] = False,
) -> None:
    """Delete the embedded database with all work items and their history. Asks first.

    The service must not be running. Servers named by DATABASE_* are never touched.
    """
    folder = data_dir(Settings.read())
    if not yes:
        typer.confirm(f"Delete every work item in {folder}? This cannot be undone", abort=True)
    embedded.reset(folder)
    err.print(f"Deleted the database in {folder}.")
