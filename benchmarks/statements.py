"""The benchmarks' own SQL, in files as the product's: ceilings and seeds, for throw-away data."""

from db.statements import statement


def benchmark_statement(*names: str) -> str:
    """The text of ``benchmarks/sql/<name>.sql``; of several, one after the other."""
    return "".join(statement(f"../../benchmarks/sql/{name}") for name in names)
