"""`mailstack demo`."""

from pathlib import Path

import click


@click.command()
@click.option(
    "--dir", "folder", type=click.Path(file_okay=False, path_type=Path), help="Keep everything in this folder."
)
@click.option("--port-offset", default=0, show_default=True, help="Move all ports by this number.")
@click.option("--check", is_flag=True, help="Prove the main job step by step, with the standard library's clients.")
@click.option("--exit", "exit_", is_flag=True, help="End after the check; the exit status tells.")
def demo(folder: Path | None, port_offset: int, check: bool, exit_: bool) -> None:
    """Run the whole server on this machine's loopback, with two accounts, to try it with a mail program."""
    if not -1 < port_offset < 60000:
        raise click.BadParameter("allowed: 0 to 59999", param_hint="--port-offset")
    from mailstack.app.demo.run import Wishes, run_demo

    raise SystemExit(run_demo(Wishes(folder, port_offset, check, exit_)))
