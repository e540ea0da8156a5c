"""What `Auth` handlers answer with: filters of what is there, and identities of other systems."""

from __future__ import annotations

from typing import Any

import pytest

from nexus.api.hook import fits
from nexus.core.user import check_user_id, user_of_identity


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"owner": "ana"}, True),
        ({"owner": "ben"}, False),
        ({"owner": {"$eq": "ana"}}, True),
        ({"teams": {"$contains": "red"}}, True),
        ({"teams": {"$contains": ["red", "blue"]}}, False),
        ({"$or": [{"owner": "ben"}, {"teams": {"$contains": "red"}}]}, True),
        ({"$and": [{"owner": "ana"}, {"owner": "ben"}]}, False),
        ({"owner": {"$unknown": "ana"}}, False),
        ({"missing": "x"}, False),
        ({}, True),
    ],
    ids=str,
)
def test_a_filter_says_what_is_there(wanted: dict[str, Any], expected: Any):
    assert fits({"owner": "ana", "teams": ["red", "green"]}, wanted) is expected


def test_identities_of_other_systems_become_users_and_never_the_same_one():
    identities = ["ana", "ana@example.com", "Ana", "auth0|123", "ünal", "owner2"]
    made = {user_of_identity(each) for each in identities}
    made.add(user_of_identity(user_of_identity("Ana")))
    assert len(made) == len(identities) + 1
    assert all(check_user_id(each) == each for each in made)
