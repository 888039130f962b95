"""Whether and when to start a dead process again: a pure function of what happened to it before."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """How patient the supervisor is with one process.

    Args:
        first_delay_s: pause after a death that came out of good health, and after the first quick one.
        factor: each further quick death in a row multiplies the pause by this.
        max_delay_s: longest pause.
        healthy_s: a process that worked for this long was in good health.
        window_s, max_restarts: more restarts than this within the window, and the supervisor gives up.
    """

    first_delay_s: float = 0.05
    factor: float = 2.0
    max_delay_s: float = 2.0
    healthy_s: float = 1.0
    window_s: float = 60.0
    max_restarts: int = 30


@dataclass(frozen=True, slots=True)
class History:
    """What is remembered of one process.

    Args:
        restarts_s: monotonic times of its restarts within the window, oldest first.
        quick_deaths: deaths in a row that came before good health.
    """

    restarts_s: tuple[float, ...] = ()
    quick_deaths: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do about a death.

    Args:
        at_s: monotonic time of the next start; None to give up.
        history: to be remembered.
    """

    at_s: float | None
    history: History


def after_death(policy: RestartPolicy, history: History, now_s: float, worked_s: float) -> Verdict:
    """Decide about a process that just died.

    Args:
        policy: limits.
        history: as the last verdict left it.
        now_s: monotonic time.
        worked_s: how long it had been making progress; 0 when it never did.
    Returns:
        when to start it again, or that it is time to give up.
    """
    quick = 0 if worked_s >= policy.healthy_s else history.quick_deaths + 1
    recent = tuple(t for t in history.restarts_s if now_s - t < policy.window_s)
    if len(recent) >= policy.max_restarts:
        return Verdict(None, History(recent, quick))
    exponent = min(max(0, quick - 1), 32)
    delay_s = min(policy.max_delay_s, policy.first_delay_s * policy.factor**exponent)
    return Verdict(now_s + delay_s, History((*recent, now_s), quick))
