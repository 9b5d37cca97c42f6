"""The page about the journal describes every kind of event as its class does."""

import attrs
import pytest
from event_table import PAGE, described, fields_of, page_with_table

from flowrig.journal.events import KINDS


def test_the_table_of_events_is_up_to_date() -> None:
    """If this fails: python tests/docs/event_table.py."""
    page = PAGE.read_text(encoding="utf-8")
    assert page == page_with_table(page)


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_of_an_event_is_described(kind: str) -> None:
    """Each class says what happened, who writes it, and what each of its fields means."""
    data = KINDS[kind]
    names = [field.name for field in attrs.fields(data) if field.name != "extra"]
    assert list(fields_of(data)) == names
    assert len(described(data)[""].split(".")) > 2, "who writes it is missing"
