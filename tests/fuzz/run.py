"""`python -m tests.fuzz.run SECONDS [TARGET…]`: each target under atheris; what is new stays in its corpus."""

import subprocess
import sys
from pathlib import Path

CORPUS = Path(__file__).parent / "corpus"
LONGEST = 8192  # octets of one input


def one(name, seconds):
    """In a process of its own: libFuzzer ends it."""
    import atheris

    with atheris.instrument_imports(include=["mailstack"]):
        from tests.fuzz.targets import TARGETS
    arguments = [f"-max_total_time={seconds}", f"-max_len={LONGEST}", f"-artifact_prefix={CORPUS / name}/"]
    atheris.Setup([sys.argv[0], str(CORPUS / name), *arguments], TARGETS[name])
    atheris.Fuzz()


def main(seconds, names):
    try:
        import atheris  # noqa: F401
    except ImportError:
        print("fuzz: skipped, for atheris is not installed (it has no wheel for this Python)")
        return 0
    from tests.fuzz.targets import TARGETS

    for name in names or TARGETS:
        print(f"fuzz: {name}, {seconds} s", flush=True)
        command = [sys.executable, "-m", "tests.fuzz.run", "--one", name, seconds]
        if status := subprocess.run(command, check=False).returncode:
            return status
    return 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        one(*sys.argv[2:4])
    else:
        sys.exit(main(sys.argv[1], sys.argv[2:]))
