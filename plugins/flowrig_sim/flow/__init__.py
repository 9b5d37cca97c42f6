"""Liquid: plungers, the flow path, mixing before the junction, slugs behind it."""
