"""The checkers themselves: one that cannot fail proves nothing."""

from lib.workload import Evidence, contradictions, simultaneous


def evidence(*rows):
    return [Evidence(*row) for row in rows]


def test_a_clean_failover_is_no_contradiction():
    assert not contradictions(evidence(("a", 1, 0, 1), ("a", 1, 1, 2), ("b", 2, 3, 4), ("a", 3, 5, 6)))


def test_a_commit_in_flight_during_the_failover_is_no_contradiction():
    # Asked for before the new primary's first commit was complete: it may have been done before it.
    assert not contradictions(evidence(("a", 1, 0, 1), ("b", 2, 3, 4), ("a", 1, 3.5, 5)))


def test_an_old_primary_that_goes_on_committing_is_found():
    assert contradictions(evidence(("a", 1, 0, 1), ("b", 2, 3, 4), ("a", 1, 4.5, 5)))


def test_two_primaries_on_one_timeline_are_found():
    assert contradictions(evidence(("a", 2, 0, 1), ("b", 2, 3, 4)))


def test_one_primary_after_the_other_is_not_simultaneous():
    assert not simultaneous(evidence(("a", 1, 0, 0.1), ("a", 1, 0.2, 0.3), ("b", 1, 0.4, 0.5), ("a", 3, 9, 9.1)))


def test_interleaved_claims_are_simultaneous():
    assert simultaneous(evidence(("a", 1, 0, 0.1), ("b", 2, 0.2, 0.3), ("a", 1, 0.4, 0.5)))
