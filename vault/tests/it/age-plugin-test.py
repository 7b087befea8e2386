#!/usr/bin/env python3
"""A plugin that keeps file keys in the open, for tests of the protocol alone."""
import sys

machine = sys.argv[1].removeprefix("--age-plugin=")
lines = iter(sys.stdin.readline, "")


def stanza():
    """The next stanza: its words and its body."""
    head = next(lines).split()[1:]
    body = ""
    while True:
        line = next(lines).rstrip("\n")
        body += line
        if len(line) < 64:
            return head, body


def say(text):
    """Says something; what is answered."""
    print(text, flush=True)
    return stanza()


stanzas = []
while True:
    head, body = stanza()
    if head[0] == "done":
        break
    stanzas.append((head, body))
answer, _ = say("-> request-secret\ncGlu")
if answer[0] != "fail":
    sys.exit("somebody answered")
if machine == "recipient-v1":
    key = next(body for head, body in stanzas if head[0] == "wrap-file-key")
    say(f"-> recipient-stanza 0 test\n{key}")
else:
    key = next(body for head, body in stanzas if head[:3] == ["recipient-stanza", "0", "test"])
    say(f"-> file-key 0\n{key}")
print("-> done\n", flush=True)
