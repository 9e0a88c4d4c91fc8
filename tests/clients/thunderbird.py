"""The real Thunderbird without a screen, its own mail APIs and window commands called through Marionette.

Marionette is the remote control of every Mozilla program: JSON packets `length:[0, id, command, parameters]` over
TCP, answered by `length:[1, id, error, result]`.  In its chrome context a script has the rights of the program.
"""

import json
import os
import signal
import socket
import subprocess
from pathlib import Path

from tests.clients.daemon import PATIENCE
from tests.clients.mail import wait_until

# What every script may use.  `pane` is the main window's: the tree of folders, the list of messages, the message.
PRELUDE = """
const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
const { MailUtils } = ChromeUtils.importESModule("resource:///modules/MailUtils.sys.mjs");
const main = Services.wm.getMostRecentWindow("mail:3pane");
const pane = main?.document.getElementById("tabmail")?.currentAbout3Pane;
const folderAt = (uri) => MailUtils.getExistingFolder(uri);
const headers = (uri) => { const folder = folderAt(uri); return folder ? [...folder.messages] : []; };
const header = (uri, subject) => headers(uri).find((one) => one.mime2DecodedSubject === subject);
"""

QUIET = {
    "app.donation.eoy.version.viewed": 999,
    "app.update.enabled": False,
    "browser.safebrowsing.blockedURIs.enabled": False,
    "calendar.timezone.useSystemTimezone": True,
    "datareporting.healthreport.uploadEnabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "extensions.update.enabled": False,
    "mail.biff.alert.show_preview": False,
    "mail.biff.play_sound": False,
    "mail.biff.show_alert": False,
    "mail.biff.use_system_alert": False,
    "mail.inappnotifications.enabled": False,
    "mail.provider.suppress_dialog_on_startup": True,
    "mail.shell.checkDefaultClient": False,
    "mail.spotlight.firstRunDone": True,
    "mail.startup.enabledMailCheckOnce": True,
    "mail.winsearch.firstRunDone": True,
    "mailnews.start_page.enabled": False,
    "mailnews.start_page_override.mstone": "ignore",
    "marionette.port": 0,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "network.proxy.type": 0,
    "remote.prefs.recommended": True,
    "services.settings.server": "data:,#remote-settings-dummy/v1",
    "toolkit.telemetry.enabled": False,
}


class MarionetteError(Exception):
    """A script failed inside the program."""


class Marionette:
    """The remote control's connection; one command at a time."""

    def __init__(self, port):
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self._reader = self._socket.makefile("rb")
        self._sent = 0
        assert self._receive()["marionetteProtocol"] == 3

    def _receive(self):
        length = b""
        while not length.endswith(b":"):
            octet = self._reader.read(1)
            assert octet, "Thunderbird closed the remote control"
            length += octet
        return json.loads(self._reader.read(int(length[:-1])))

    def call(self, command, **parameters):
        self._sent += 1
        packet = json.dumps([0, self._sent, command, parameters]).encode()
        self._socket.sendall(b"%d:%b" % (len(packet), packet))
        _, number, error, result = self._receive()
        assert number == self._sent
        if error is not None:
            raise MarionetteError(f"{error['message']}\n{error['stacktrace']}")
        return result

    def close(self):
        self._reader.close()
        self._socket.close()


class Thunderbird:
    """One process with a fresh profile made of `preferences`; it trusts the file `authority`, and knows `logins`."""

    def __init__(self, program, folder, preferences, *, authority, logins, headless=True, environment=None):
        self.folder = folder
        self.profile = folder / "profile"
        self.profile.mkdir(parents=True)
        lines = [f"user_pref({json.dumps(k)}, {json.dumps(v)});" for k, v in {**QUIET, **preferences}.items()]
        (self.profile / "user.js").write_text("\n".join(lines) + "\n", encoding="utf-8")
        self._output = (folder / "output.log").open("ab")  # closed by stop
        self._start(program, headless, environment or {})
        try:
            self._control()
            self._trust(authority)
            for login in logins:
                self._remember(*login)
        except BaseException:
            self.stop(orderly=False)
            raise

    def _start(self, program, headless, environment):
        self._marionette = None
        self._process = subprocess.Popen(
            [
                *(program, "--no-remote", "--profile", self.profile, "--marionette", "--remote-allow-system-access"),
                *(["--headless"] if headless else []),
            ],
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=self._output,
            env={**os.environ, "HOME": str(self.folder), "TZ": "UTC", "LC_ALL": "C.UTF-8", **environment},
            start_new_session=True,  # the Debian program is a script with children
        )

    def _control(self):
        told = self.profile / "MarionetteActivePort"
        wait_until(lambda: told.exists() and told.read_text(encoding="ascii").strip(), "Thunderbird's remote control")
        self._marionette = Marionette(int(told.read_text(encoding="ascii")))
        # nothing may block for ever: a script ends within PATIENCE, a prompt that nobody expected is closed
        timeouts = {"script": PATIENCE * 1000}
        self._marionette.call("WebDriver:NewSession", capabilities={"alwaysMatch": {"timeouts": timeouts}})
        self._marionette.call("Marionette:SetContext", value="chrome")
        self.wait_for("return pane?.document.readyState === 'complete' && !!pane.folderTree", "the main window")

    def run(self, script, *arguments):
        """The value that the body of an asynchronous function in JavaScript returns; see PRELUDE."""
        body = f"const args = [...arguments];\nreturn (async () => {{ {PRELUDE} {script} }})();"
        return self._marionette.call(
            "WebDriver:ExecuteScript", script=body, args=list(arguments), sandbox="system", newSandbox=False
        )["value"]

    def wait_for(self, script, what, *arguments):
        """Ask until the script returns something true; that."""
        answers = []

        def true():
            answers.append(self.run(script, *arguments))
            return answers[-1]

        wait_until(true, what)
        return answers[-1]

    def confirm(self, words):
        """Answer the question that has these words with its first button."""

        def asked():
            try:
                return words in self._marionette.call("WebDriver:GetAlertText")["value"]
            except MarionetteError:  # not yet
                return False

        wait_until(asked, f"the question {words!r}")
        self._marionette.call("WebDriver:AcceptAlert")

    def _trust(self, authority):
        lines = Path(authority).read_text(encoding="ascii").splitlines()
        self.run(
            'Cc["@mozilla.org/security/x509certdb;1"].getService(Ci.nsIX509CertDB).addCertFromBase64(args[0], "C,,");',
            "".join(line for line in lines if not line.startswith("-----")),
        )

    def _remember(self, origin, user, password):
        self.run(
            """
            const login = Cc["@mozilla.org/login-manager/loginInfo;1"].createInstance(Ci.nsILoginInfo);
            login.init(args[0], null, args[0], args[1], args[2], "", "");
            await Services.logins.addLoginAsync(login);
            """,
            *(origin, user, password),
        )

    def stop(self, *, orderly=True):
        """Quit as by its menu."""
        try:
            if orderly:
                self._marionette.call("Marionette:Quit", flags=["eAttemptQuit"])
                self._process.wait(PATIENCE)
        finally:
            if self._process.poll() is None:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait(PATIENCE)
            if self._marionette is not None:
                self._marionette.close()
            self._output.close()
