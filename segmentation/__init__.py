"""Listener segments: frames in, frozen results out.

Opens no file and prints nothing.
"""
