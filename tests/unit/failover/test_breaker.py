"""A model that fails again and again is left out for a while, and probed."""

from __future__ import annotations

from providers.failover import FAILURES, LONGEST_REST_S, REST_S, Breaker


def broken(now: float = 0.0) -> Breaker:
    """A breaker that has just seen enough."""
    breaker = Breaker()
    for _ in range(FAILURES):
        breaker.failed(now)
    return breaker


def test_single_failures_leave_nobody_out() -> None:
    """They happen."""
    breaker = Breaker()
    for _ in range(FAILURES - 1):
        breaker.failed(0.0)
    assert breaker.admits(0.0)


def test_an_answer_in_between_makes_good_for_what_failed() -> None:
    """Only failures in a row count."""
    breaker = Breaker()
    for _ in range(3 * FAILURES):
        breaker.failed(0.0)
        breaker.passed()
    assert breaker.admits(0.0)


def test_one_that_failed_again_and_again_rests() -> None:
    """And not a moment longer."""
    breaker = broken()
    assert not breaker.admits(REST_S - 0.001)
    assert breaker.admits(REST_S)


def test_one_request_alone_probes_it() -> None:
    """The others would only fail with it."""
    breaker = broken()
    assert [breaker.admits(REST_S) for _ in range(3)] == [True, False, False]


def test_a_probe_that_never_comes_back_is_followed_by_another() -> None:
    """It may have been cancelled."""
    breaker = broken()
    assert breaker.admits(REST_S)
    assert breaker.admits(2 * REST_S)


def test_a_probe_that_fails_doubles_the_rest() -> None:
    """Up to the longest one."""
    breaker, now, rests = broken(), 0.0, []
    for _ in range(8):
        rest = next(s for s in range(1, 10_000) if not breaker.admits(now + s - 1))
        while not breaker.admits(now + rest):
            rest += 1
        now += rest
        rests.append(rest)
        breaker.failed(now)
    assert rests[:3] == [REST_S, 2 * REST_S, 4 * REST_S]
    assert rests[-1] == LONGEST_REST_S


def test_a_probe_that_passes_ends_it() -> None:
    """With a clean record."""
    breaker = broken()
    assert breaker.admits(REST_S)
    breaker.passed()
    assert breaker.admits(REST_S)
    breaker.failed(REST_S)
    assert breaker.admits(REST_S)


def test_one_that_wants_quiet_gets_it() -> None:
    """From its first failure on."""
    breaker = Breaker()
    breaker.failed(10.0, retry_after=7.0)
    assert not breaker.admits(16.9)
    assert breaker.admits(17.0)
