"""Entry of the ./invoke wrapper: invoke's own program, except that wrong usage exits 2."""

from __future__ import annotations

from invoke import Exit, ParseError, Program


class House(Program):  # type: ignore[misc]  # invoke has no types
    """Exit codes of this project: 0 ok, 1 a check failed, 2 usage or bad input."""

    def parse_core(self, argv: list[str] | None) -> None:
        try:
            super().parse_core(argv)
        except ParseError as error:
            raise Exit(str(error), code=2) from error

    def parse_tasks(self) -> None:
        try:
            super().parse_tasks()
        except ParseError as error:
            raise Exit(f"{error} (./invoke --list names the tasks)", code=2) from error


if __name__ == "__main__":
    House(name="invoke", binary="invoke", binary_names=["invoke"]).run()
