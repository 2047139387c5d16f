"""What is told of a helm that failed."""

from __future__ import annotations

from migration_cockpit.actions.helm import complaint


def test_an_error_of_several_lines_is_told_whole() -> None:
    """The real helm prints what an API server refused over several lines: the right that is missing is in the last."""
    printed = (
        "W1126 warnings come first\n"
        'Error: UPGRADE FAILED: roles "r" is forbidden: user "u" is attempting to grant RBAC permissions not currently '
        'held:\n{APIGroups:[""], Resources:["pods"], Verbs:["create"]}\n'
    )
    told = complaint(printed)
    assert told.startswith('Error: UPGRADE FAILED: roles "r" is forbidden')
    assert told.endswith('not currently held: {APIGroups:[""], Resources:["pods"], Verbs:["create"]}')


def test_without_an_error_line_the_last_one_is_told() -> None:
    assert complaint("one\n\ntwo\n") == "two"
    assert complaint("") == "no output"
