"""Prints what python-dotenv reads in each file that is named on standard input, as one JSON array."""
import json
import logging
import sys

from dotenv import dotenv_values

logging.disable(logging.CRITICAL)
print(json.dumps([dict(dotenv_values(path, encoding="utf-8")) for path in sys.stdin.read().split()]))
