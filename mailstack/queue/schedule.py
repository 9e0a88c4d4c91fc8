"""When to try again, and when to give up.  Change the schedule here and nowhere else."""

from datetime import timedelta

__all__ = ["DELAY_NOTICE_AFTER", "GIVE_UP_AFTER", "RETRY_AFTER", "next_attempt"]

RETRY_AFTER = tuple(timedelta(minutes=m) for m in (5, 15, 30, 60, 120, 240))
GIVE_UP_AFTER = timedelta(days=5)  # RFC 5321 §4.5.4.1: at least 4 to 5 days
DELAY_NOTICE_AFTER = timedelta(hours=4)  # when "delayed" is worth a report (RFC 3461 §6.2)


def next_attempt(
    age: timedelta,
    tries: int,
    jitter: float,
    *,
    give_up_after: timedelta = GIVE_UP_AFTER,
    delay_notice_after: timedelta = timedelta(0),
) -> timedelta | None:
    """How long to wait after try number `tries` (from 1); None: time to bounce.

    `age` is the time since acceptance; `jitter`, in [0, 1), adds up to a fifth.
    The last try is never later than `give_up_after`: a wait that would pass it is cut, and so
    is one that would pass `delay_notice_after`, so that the notice tells the newest.
    """
    if age >= give_up_after:
        return None
    wait = RETRY_AFTER[min(max(tries, 1), len(RETRY_AFTER)) - 1] * (1 + jitter / 5)
    if age < delay_notice_after < age + wait:
        wait = delay_notice_after - age
    return min(wait, give_up_after - age)
