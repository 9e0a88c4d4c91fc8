"""Import and export of many messages, with the memory that they take: python -m tests.bench.transfer [MESSAGES]

Prints one line a step: messages a second, and the most memory that the process has used (VmHWM, KiB).
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

RUN = """
import re, sys
from mailstack.cli.main import cli
cli.main(sys.argv[1:], standalone_mode=False)
sys.stderr.write(re.search(r"VmHWM:\\s*(\\d+)", open("/proc/self/status").read())[1])
"""
FROM = b"From far@elsewhere.test Mon Feb  3 04:05:06 2020\n"
WHO = "alice@demo.test"


def step(config: Path, what: str, count: int, *arguments: str, typed: str = "") -> None:
    began = time.monotonic()
    command = [sys.executable, "-c", RUN, "--config", str(config), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True, input=typed)
    rate = count / (time.monotonic() - began)
    print(f"{what:<20} {rate:8.0f} messages/s  {int(done.stderr.split()[-1]):8} KiB")


def main(count: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        config, source = Path(folder, "mailstack.toml"), Path(folder, "source.mbox")
        config.write_text(
            f'hostname = "mail.demo.test"\nstate = "{folder}/state"\n[tls]\ncertificate = "/x"\nkey = "/x"\n'
        )
        with source.open("wb") as file:
            for number in range(count):
                file.write(FROM + b"Subject: number %d\n\n" % number + b"some text of a line\n" * 50 + b"\n")
        step(config, "domain", 1, "domain", "add", "demo.test")
        step(config, "account", 1, "account", "add", WHO, "--password-stdin", typed="a-wonderland-of-9-hares\n")
        step(config, "import", count, "import", WHO, str(source))
        step(config, "import again", count, "import", WHO, str(source))
        for form in ("mbox", "maildir", "eml"):
            step(config, f"export {form}", count, "export", WHO, f"{folder}/{form}", "--format", form)
        step(config, "import Maildir", count, "import", WHO, f"{folder}/maildir", "--into", "Back")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200_000)
