"""Hot statements are text files under sql/queries, written so that psql can run them nearly as is.

A parameter is ``:name``, as in psql; the driver wants ``%(name)s``, so the loader rewrites it.
"""

import re
from functools import cache
from pathlib import Path

SQL = Path(__file__).resolve().parent.parent / "sql"

# Comments and quoted strings are passed over; a colon doubled is a cast, one after a word
# character or before a digit is an array slice.
_TOKENS = re.compile(
    r"(?P<comment>--[^\n]*)"
    r"|(?P<string>'(?:[^']|'')*')"
    r"|(?P<percent>%)"
    r"|(?<![:\w]):(?P<name>[a-z_][a-z0-9_]*)"
)


@cache
def statement(name: str) -> str:
    """The text of ``sql/queries/<name>.sql``, ready for ``cursor.execute(text, {…})``.

    Raises:
        FileNotFoundError: there is no such file.
    """
    text = (SQL / "queries" / f"{name}.sql").read_text(encoding="utf-8")
    return _TOKENS.sub(_for_driver, text)


def _for_driver(token: re.Match[str]) -> str:
    if token["name"]:
        return f"%({token['name']})s"
    if token["comment"]:
        return ""
    return token.group().replace("%", "%%")
