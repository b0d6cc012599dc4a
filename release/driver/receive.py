"""Runs on a server as root: read exactly SIZE bytes from stdin, check their digest, put them in place in one step."""

import hashlib
import os
import sys

path, size, digest = sys.argv[1], int(sys.argv[2]), sys.argv[3]
content = b""
while len(content) < size:
    piece = os.read(0, size - len(content))  # unbuffered: what follows on stdin is the agent's
    if not piece:
        sys.exit("the agent did not arrive whole")
    content += piece
if hashlib.sha256(content).hexdigest() != digest:
    sys.exit("the agent arrived damaged")

os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
with open(f"{path}.{os.getpid()}", "wb") as file:
    file.write(content)
    os.fchmod(file.fileno(), 0o755)
    file.flush()
    os.fsync(file.fileno())
os.rename(file.name, path)

link = "/usr/local/bin/slipway-agent"
os.symlink(path, f"{link}.{os.getpid()}")
os.rename(f"{link}.{os.getpid()}", link)
