"""The commands of `vsm`."""

import typer

from app.cli import backup, data, demo, files, flow, measure, rebuild, streams
from app.cli.application import application, run

__all__ = ["application", "run"]


def _openapi() -> None:
    """Print the OpenAPI document of this version. Needs no database.

    **Example**

        vsm openapi > openapi.json
    """
    from app.main import openapi_text  # noqa: PLC0415 - FastAPI takes long to import

    typer.echo(openapi_text())


application.command("migrate")(data.migrate)
application.command("import")(files.import_)
application.command("demo")(demo.demo)
application.command("metrics")(measure.metrics)
application.command("items")(measure.items)
application.command("map")(flow.map_)
application.command("aging")(flow.aging)
application.command("rebuild")(rebuild.rebuild)
application.command("backup")(backup.backup)
application.command("restore")(backup.restore)
application.command("openapi")(_openapi)
application.add_typer(data.group, name="data")
application.add_typer(streams.group, name="streams")
