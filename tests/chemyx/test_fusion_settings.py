"""The settings of a Fusion: values that are refused, defaults, and baud rates."""

import pytest

from flowrig_chemyx.settings import BAUD_RATES, FusionSettings


@pytest.mark.parametrize(
    "wrong", [{"baud": 12345}, {"channel": 3}, {"channel": 0}, {"deadline_s": 0.0}]
)
def test_settings_that_no_fusion_has_are_refused(wrong):
    """An impossible setting is refused before a port is opened."""
    with pytest.raises(ValueError, match=next(iter(wrong))):
        FusionSettings(address="COM3", **wrong)


def test_the_default_baud_rate_is_one_that_pumps_offer():
    """Settings without a baud rate get one from the pump's menu."""
    assert FusionSettings(address="COM3").baud in BAUD_RATES


def test_every_baud_rate_is_probed():
    """Each baud rate of the pump's menu can be set, and "probe" tries all of them."""
    for baud in BAUD_RATES:
        assert FusionSettings(address="COM3", baud=baud).bauds == (baud,)
    assert FusionSettings(address="COM3", baud="probe").bauds == BAUD_RATES
