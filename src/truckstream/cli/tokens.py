"""`truckstream tokens`: create, list, revoke access tokens for addresses other than 127.0.0.1."""

from typing import Annotated

import msgspec
import typer

from truckstream.cli.feeding import now_ms
from truckstream.cli.options import DEFAULT_DATA, DataOption, JsonOption
from truckstream.cli.output import Column, emit
from truckstream.core.errors import InvalidSetting
from truckstream.core.instants import format_instant
from truckstream.core.record_rules import TRUCK_ID
from truckstream.local.directory import DataDirectory

app = typer.Typer(no_args_is_help=True, help="Manage access tokens of the web applications.")

_LONGEST_NAME = 64
_COLUMNS = [Column("token_id"), Column("role"), Column("name"), Column("truck_id", label="truck"), Column("created")]


@app.command("create", epilog="Example: truckstream tokens create --role viewer --name wall-screen")
def create(
    role: Annotated[
        str, typer.Option("--role", metavar="ROLE", help="viewer, dispatcher (may also change), admin or device.")
    ],
    name: Annotated[str, typer.Option("--name", metavar="TEXT", help="Who uses it; shown where they act.")] = "",
    truck: Annotated[
        str | None, typer.Option("--truck", metavar="ID", help="With --role device: the one truck it sends for.")
    ] = None,
    as_json: JsonOption = False,
    data: DataOption = DEFAULT_DATA,
) -> None:
    """Create a token and print it, this once: only a hash of it is kept."""
    from truckstream.http.access import ROLES, Role
    from truckstream.http.tokens import new_token
    from truckstream.local.tokens import TokenFile

    if role not in ROLES:
        raise InvalidSetting(f"--role {role!r} is not known", hint=f"Choose one of {', '.join(ROLES)}.")
    if truck is not None and role != "device":
        raise InvalidSetting("--truck needs --role device", hint="Other roles see and send for every truck.")
    if truck is not None and TRUCK_ID.fullmatch(truck) is None:
        raise InvalidSetting(f"--truck {truck!r} is no truck id", hint="Use 1 to 64 characters of A-Za-z0-9._:-")
    if len(name) > _LONGEST_NAME or not name.isprintable():
        raise InvalidSetting("--name is too long or not printable", hint=f"Use at most {_LONGEST_NAME} characters.")
    directory = DataDirectory(data)
    directory.create()
    token, kept = new_token(msgspec.convert(role, Role), name, truck, now_ms())
    TokenFile(directory.tokens).add(kept)
    if as_json:
        print(msgspec.json.encode({"token": token, "token_id": kept.token_id, "role": role}).decode())
    else:
        print(token)


@app.command("list", epilog="Example: truckstream tokens list --json")
def list_tokens(as_json: JsonOption = False, data: DataOption = DEFAULT_DATA) -> None:
    """Print the tokens there are, without their secrets."""
    from truckstream.local.tokens import TokenFile

    rows = (
        {
            "token_id": token.token_id,
            "role": token.role,
            "name": token.name,
            "truck_id": token.truck_id,
            "created": format_instant(token.created_ms),
        }
        for token in TokenFile(DataDirectory(data).tokens).list()
    )
    emit(
        _COLUMNS,
        rows,
        "json" if as_json else "table",
        empty="No tokens. Create one: truckstream tokens create --role viewer",
    )


@app.command("revoke", epilog="Example: truckstream tokens revoke 1a2b3c4d")
def revoke(
    token_id: Annotated[str, typer.Argument(metavar="ID", help="The id, as 'tokens list' prints it.")],
    data: DataOption = DEFAULT_DATA,
) -> None:
    """Make a token and its sessions invalid at once."""
    from truckstream.local.tokens import TokenFile

    token = TokenFile(DataDirectory(data).tokens).revoke(token_id)
    print(f"revoked {token.token_id} ({token.role}, {token.name})")
