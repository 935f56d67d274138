"""Options that several commands have, so that they read the same everywhere."""

from typing import Annotated

import typer

AsJson = Annotated[
    bool, typer.Option("--json", help="One JSON document on stdout, nothing else there.")
]
Detach = Annotated[
    bool, typer.Option("--detach", help="Print the run's id and don't wait for its end.")
]
TenantSlug = Annotated[str, typer.Option("--tenant", metavar="SLUG", help="Whose it is.")]
AnyTenantSlug = Annotated[
    str | None, typer.Option("--tenant", metavar="SLUG", help="Only this tenant's.")
]
