"""`dse schema`: JSON Schema of a kind of file."""

from __future__ import annotations

import click

from dse.cli.output import print_json


@click.command("schema")
@click.argument("kind", type=click.Choice(["arch", "workload", "sweep", "mapping"]))
def command(kind: str) -> None:
    """JSON Schema of a kind of file, for editors that complete and check YAML.

    \b
    Example:
      dse schema arch > arch.schema.json
    """
    if kind == "arch":
        from dse.formats.architecture.load import schema

        print_json(schema())
    elif kind == "workload":
        from dse.formats.workload.models import workload_schema

        print_json(workload_schema())
    elif kind == "mapping":
        from dse.formats.mapping import mapping_schema

        print_json(mapping_schema())
    else:
        from dse.explore.sweep_file import schema as sweep_schema

        print_json(sweep_schema())
