"""`twistd --help` lists mailstack from a wheel and from an editable install; the units are as tight as promised."""

import re
import shutil
import site
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
TWISTD = "from twisted.scripts.twistd import run; run()"


def listed(python, folder):
    done = subprocess.run(
        [python, "-c", TWISTD, "--help"], capture_output=True, text=True, cwd=folder, timeout=60, check=True
    )
    return re.search(r"^\s+mailstack\s+A full mail server", done.stdout, re.MULTILINE)


def test_editable_install(tmp_path):
    assert listed(sys.executable, tmp_path)


def test_wheel(tmp_path):
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=60)
    [wheel] = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "twisted/plugins/mailstack_plugin.py" in names
    assert "twisted/__init__.py" not in names
    assert not [name for name in names if name.startswith("tests")]

    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True, timeout=60)
    [packages] = venv.glob("lib/python*/site-packages")
    zipfile.ZipFile(wheel).extractall(packages)
    # the libraries of this interpreter, but not its editable mailstack: .pth files there are not followed from here
    (packages / "libraries.pth").write_text("\n".join(site.getsitepackages()), encoding="utf-8")
    where = subprocess.run(
        [venv / "bin/python", "-c", "import mailstack; print(mailstack.__file__)"],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    assert where.stdout.startswith(str(packages))
    assert listed(venv / "bin/python", tmp_path)


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
def test_the_unit_is_tight():
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", "systemd/mailstack.service"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    exposure = float(re.search(r"Overall exposure level for mailstack.service: ([\d.]+)", done.stdout)[1])
    assert exposure < 2.0, done.stdout


def test_the_unit_leaves_out_what_would_keep_tls_from_starting():
    """Tried with PR_SET_MDWE: cffi cannot make the callbacks that pyOpenSSL needs for SNI."""
    unit = (ROOT / "systemd/mailstack.service").read_text(encoding="utf-8")
    assert not re.search(r"^MemoryDenyWriteExecute=yes", unit, re.MULTILINE)


def test_the_socket_unit_has_the_ports_of_the_standard_listeners():
    from mailstack.config.listeners import STANDARD_LISTENERS

    unit = (ROOT / "systemd/mailstack.socket").read_text(encoding="utf-8")
    streams = set(re.findall(r"^ListenStream=(.*)$", unit, re.MULTILINE))
    assert streams == {str(address) for listener in STANDARD_LISTENERS for address in listener.address}
