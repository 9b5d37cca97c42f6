"""Rig profiles and campaigns: TOML files into checked, frozen values."""

from flowrig.profile.library import ListedProfile, list_profiles
from flowrig.profile.load import (
    check_profile,
    load_campaign,
    load_profile,
    load_profile_text,
    load_target,
    merged_toml,
)
from flowrig.profile.model import Campaign, Profile
from flowrig.profile.problems import Place, Problem, ProfileError

__all__ = [
    "Campaign",
    "ListedProfile",
    "Place",
    "Problem",
    "Profile",
    "ProfileError",
    "check_profile",
    "list_profiles",
    "load_campaign",
    "load_profile",
    "load_profile_text",
    "load_target",
    "merged_toml",
]
