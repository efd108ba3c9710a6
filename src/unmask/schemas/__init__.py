"""What a file may hold, checked once, when it is read.

`strict_json` turns bytes into plain values within limits, `kinds` says what a value may be, `formats` says it of each
format this package writes. Knows nothing about the objects that are made of the values.
"""
