"""Figures: facts in, Altair charts out, each titled with what its numbers support."""
