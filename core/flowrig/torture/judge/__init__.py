"""The judge: broken promises of a campaign, from its instruments and its journal."""
