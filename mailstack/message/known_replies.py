"""What the refusals of the big receivers mean, and what to do: in plain words, for reports.

A row is found by what the reply says, and by whose server said it where the words alone
would not tell.  The first that fits is taken; the general ones stand last.
"""

import re
from dataclasses import dataclass

from mailstack.queue.api import RemoteReply

__all__ = ["explain"]


@dataclass(frozen=True, slots=True)
class _Known:
    says: re.Pattern[str]  # somewhere in "550 5.7.1 text"
    means: str
    host: str = ""  # the end of the server's name; "" for anybody's

    def fits(self, said: str, host: str) -> bool:
        return host.endswith(self.host) and self.says.search(said) is not None


def _row(says: str, means: str, host: str = "") -> _Known:
    return _Known(re.compile(says, re.IGNORECASE), means, host)


_MICROSOFT = (
    _row(
        r"\bS3150\b|\bS3140\b",
        "Microsoft (Outlook, Hotmail) blocks the address of this server, or its network, for its reputation. It is not "
        "about your message. Your postmaster can ask for its removal at https://olcsupport.office.com and watch the "
        "address at https://sendersupport.olc.protection.outlook.com/snds/.",
    ),
    _row(
        r"\b5\.7\.606\b|\b5\.7\.60[7-9]\b|\b5\.7\.6[1-4]\d\b|banned sending IP",
        "Microsoft 365 has banned the address of this server. Your postmaster can ask for its removal at "
        "https://sender.office.com.",
    ),
    _row(
        r"\b5\.7\.511\b|\bAS\(1[37]\d\d\)",
        "Microsoft 365 takes this server or message for a source of spam. Your postmaster can write to "
        "delist@microsoft.com with this report.",
    ),
    _row(
        r"\b5\.7\.515\b",
        "Microsoft wants SPF, DKIM and DMARC from senders of much mail, and your domain does not pass all three. Your "
        "postmaster can see to these DNS records.",
    ),
    _row(
        r"\b4\.7\.(?:500|65\d)\b|\bAS(?:77\d|843|780)\b|\bRP-00[123]\b",
        "Microsoft limits how much it takes from this server just now, because it does not know it well or has had "
        "complaints. Wait; if it goes on, your postmaster can look at the server's reputation.",
    ),
    _row(
        r"\b5\.4\.1\b.*recipient address rejected.*access denied|\b5\.1\.10\b.*recipient not found",
        "The Microsoft 365 organisation behind the @ has no such address. Check it for typing errors.",
    ),
    _row(
        r"\b5\.7\.(?:124|133|750)\b|RestrictDomains|RequireSenderAuthentication",
        "The recipient is a group, or has set up, to take mail from inside their organisation only. Ask them to "
        "allow your address.",
        "outlook.com",
    ),
)

_GOOGLE = (
    _row(
        r"\b5\.7\.26\b",
        "Gmail takes mail only when SPF or DKIM shows that it comes from your domain, and for this message neither "
        "did (or your domain's DMARC record forbids it). Your postmaster can see to the SPF and DKIM records of your "
        "domain: https://support.google.com/mail/answer/81126.",
    ),
    _row(
        r"\b[45]\.7\.(?:27|30|31|32)\b",
        "Gmail wants SPF, DKIM and DMARC that fit together from senders of much mail, and one is missing for your "
        "domain. Your postmaster can see to these DNS records: https://support.google.com/mail/answer/81126.",
        "google.com",
    ),
    _row(
        r"\b[45]\.7\.25\b",
        "Gmail wants the address of this server to have a name that leads back to it (PTR and A or AAAA records). "
        "Your postmaster can ask whoever gave out the address to set it.",
    ),
    _row(
        r"\b[45]\.7\.29\b",
        "Gmail wants this mail sent with TLS. Your postmaster can switch it on in this server.",
        "google.com",
    ),
    _row(
        r"\b4\.7\.28\b",
        "Gmail limits what it takes from this server or your domain just now, because there was much of it or people "
        "have complained. Send less and wait; links in the message that are known from spam count too.",
    ),
    _row(
        r"\b5\.7\.28\b|\b5\.7\.1\b.*(?:unsolicited|likely spam|suspicious)",
        "Gmail takes this message, or mail from this server, for spam. Look at its words and links; your postmaster "
        "can look at https://postmaster.google.com.",
        "google.com",
    ),
    _row(
        r"\b4\.2\.1\b.*receiving mail at a rate|\b4\.2\.1\b.*too quickly",
        "The recipient gets more mail than Gmail allows one mailbox just now. Wait.",
    ),
    _row(
        r"\b[45]\.2\.2\b.*(?:over quota|out of storage)|OverQuota",
        "The recipient's Gmail storage is full. Reach them in another way.",
        "google.com",
    ),
)

_OTHERS = (
    _row(
        r"\[(?:TSS?\d\d|TSS09)\]|\bTS0[1-4]\b",
        "Yahoo puts off mail from this server because of complaints by its users, or an unusual amount. Wait; your "
        "postmaster can ask at https://senders.yahooinc.com.",
    ),
    _row(
        r"554 (?:5\.7\.9 )?Message not accepted for policy reasons|\[(?:PH01|AUP\w*)\]",
        "Yahoo or AOL refuses it by their rules, most often since your domain's DMARC does not pass. Your postmaster "
        "can see to SPF, DKIM and DMARC: https://senders.yahooinc.com.",
    ),
    _row(
        r"\[(?:HM|CS)\d\d\]",
        "Apple's iCloud refuses mail from this server or message. Your postmaster can read "
        "https://support.apple.com/102322.",
        "icloud.com",
    ),
    _row(
        r"spamhaus",
        "The receiver asks the list of Spamhaus, and the address of this server, its network or a domain in the "
        "message stands on it. Your postmaster can look at https://check.spamhaus.org, which says why and how to be "
        "removed.",
    ),
    _row(
        r"barracuda(?:central|networks)?",
        "The receiver asks the list of Barracuda, and the address of this server stands on it. Your postmaster can "
        "ask for removal at https://www.barracudacentral.org/rbl/removal-request.",
    ),
    _row(
        r"spamcop",
        "The receiver asks the list of SpamCop, and the address of this server stands on it for now. Your postmaster "
        "can look at https://www.spamcop.net/bl.shtml.",
    ),
    _row(
        r"mimecast",
        "The receiver's filter (Mimecast) refuses it. The recipient, or their administrator, can allow your address.",
    ),
    _row(
        r"proofpoint|\bipcheck\.proofpoint\.com",
        "The receiver's filter (Proofpoint) blocks the address of this server. Your postmaster can ask for removal at "
        "https://ipcheck.proofpoint.com.",
    ),
    _row(
        r"gr[ea]ylist",
        "The receiver lets unknown senders wait on purpose, for some minutes or hours (greylisting).",
    ),
    _row(
        r"(?:rdns|reverse (?:dns|hostname|lookup)|PTR).{0,40}(?:missing|not found|fail|cannot|required|does not)"
        r"|cannot find your (?:reverse )?hostname",
        "The receiver wants the address of this server to have a name (PTR record). Your postmaster can ask whoever "
        "gave out the address to set it.",
    ),
    _row(
        r"\bSPF\b.{0,60}(?:fail|not (?:allowed|authori[sz]ed|permitted))",
        "The SPF record of your domain does not name this server as one that may send for it. Your postmaster can add "
        "it.",
    ),
    _row(
        r"\bDMARC\b",
        "The receiver follows the DMARC record of your domain, and this message does not pass it: neither SPF nor DKIM "
        "shows that it comes from there. Your postmaster can see to these.",
    ),
)


def explain(reply: RemoteReply) -> str | None:
    """What a reply means and what can be done, when it is one that many people get; None for others."""
    if not reply.code:
        return None
    said, host = f"{reply.code} {reply.status} {reply.text}", reply.host.lower().rstrip(".")
    return next((known.means for known in (*_MICROSOFT, *_GOOGLE, *_OTHERS) if known.fits(said, host)), None)
