"""Shell functions that break a machine in a way that can be undone: each change notes how, a line each.

To start a program takes an emulated processor 30 ms, so these do with few.
"""

from __future__ import annotations

import shlex
from pathlib import PurePath

STORE = "/run/tcp-performance-mutants"

FUNCTIONS = f"""
set -u
store={STORE}
mkdir -p "$store"

# What is to be done to undo the change that follows.
later() {{ printf '%s\\n' "$1" >>"$store/undo"; }}

# Set a file aside as it is, with its owner, mode, times and capabilities; only the first time.
spare() {{
    if [ -e "$store/saved$1" ] || [ -L "$store/saved$1" ] || [ -e "$store/saved$1.absent" ]; then return 0; fi
    folder="$store/saved${{1%/*}}"
    [ -d "$folder" ] || mkdir -p "$folder"
    if [ -c "$1" ]; then
        # A name more, no copy: with the driver the kernel takes away only the node that it made itself.
        : >"$store/saved$1"
        ln "$1" "$1.spared"
        later "$(stat -c "chown %u:%g '$1'; chmod %a '$1'" "$1")"
        later "rm -f '$1'; ln '$1.spared' '$1'; rm '$1.spared'"
    elif [ -e "$1" ] || [ -L "$1" ]; then
        cp -a "$1" "$store/saved$1"
        later "cp -a --remove-destination '$store/saved$1' '$1'"
    else
        : >"$store/saved$1.absent"
        later "rm -f '$1'"
    fi
}}

# Lay a file with another text over one that nobody can write.
cover() {{
    if grep -q " $1 " /proc/self/mounts; then printf '%s\\n' "$2" >"$1"; return; fi
    laid=$(mktemp "$store/laid.XXXXXX")
    chmod 644 "$laid"
    printf '%s\\n' "$2" >"$laid"
    mount --bind "$laid" "$1"
    later "umount '$1'"
}}

# Another value in a file below /sys or /proc; where the kernel does not take it, over it. $3: the value to go back to.
swap() {{
    before=$(cat "$1")
    if printf '%s' "$2" 2>/dev/null >"$1" && [ "$(cat "$1")" != "$before" ]; then
        later "printf '%s' '$3' >'$1'"
    else
        cover "$1" "$2"
    fi
}}
"""

UNDO = f"""
status=0
if [ -e {STORE}/undo ]; then
    # The newest first.
    tac {STORE}/undo >{STORE}/undo.back
    while read -r line; do
        eval "$line" </dev/null >&2 || {{ echo "could not undo: $line"; status=1; }}
    done <{STORE}/undo.back
fi
if [ $status = 0 ]; then rm -rf {STORE}; fi
[ $status = 0 ]
"""


def quote(text: str) -> str:
    return shlex.quote(text)


def put(path: str, text: str) -> str:
    """Write a file of another content."""
    folder = quote(str(PurePath(path).parent))
    return f"spare {quote(path)}; [ -d {folder} ] || mkdir -p {folder}; printf '%s\\n' {quote(text)} >{quote(path)}"


def edit(path: str, sed: str) -> str:
    """Change a file's lines."""
    return f"spare {quote(path)}; sed -i {quote(sed)} {quote(path)}"


def remove(path: str) -> str:
    return f"spare {quote(path)}; rm -f {quote(path)}"


def program(path: str, text: str) -> str:
    """A script in the place of a command, or before it in the path."""
    return f"{put(path, text)}; chmod 755 {quote(path)}"


def literal(text: str) -> str:
    """A text as sed's basic expressions read it, with | for the limit."""
    return "".join(f"\\{letter}" if letter in r"\.*[]^$|" else letter for letter in text)
