"""The contract's headers, the test that pins them and the policy's table name the same things.

    abi_is_pinned.py SOURCE

tests/plugin/abi_test.cpp pins what it names; this finds what it does not name. A struct without a
`size` may not be promised to grow.
"""

import re
import sys
from pathlib import Path

LINES_MAX = 300


def without_comments(text):
    return re.sub(r"/\*.*?\*/", "", text, flags=re.S)


def structs(header):
    """Name and members of each."""
    for found in re.finditer(r"struct (\w+) \{(.*?)\n\}", header, re.S):
        members = []
        for declaration in filter(str.strip, found[2].split(";")):
            function = re.search(r"\(\*\s*(\w+)\)\s*\(", declaration)
            members += ([function[1]] if function else
                        [re.search(r"(\w+)\s*$", part)[1] for part in declaration.split(",")])
        yield found[1], members


def enumerators(header):
    for found in re.finditer(r"enum \{(.*?)\}", header, re.S):
        yield from (re.match(r"\s*(\w+)", part)[1] for part in found[1].split(",") if part.strip())


def constants(header):
    return re.findall(r"^#define (SLUICE_\w+) +\S", header, re.M)


# Its size stands behind magic and version; in sluice_plugin.field_size.
SIZED_OTHERWISE = {"sluice_plugin", "sluice_field"}


def table_of(policy):
    """Struct to (bytes, may grow)."""
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \| (?:host|plugin|both) \| (yes|no) \|$", policy, re.M)
    return {name: (size, grows) for name, size, grows in rows}


def problems(source):
    pinned = Path(source, "tests/plugin/abi_test.cpp").read_text(encoding="utf-8")
    sizes = dict(re.findall(r"^PINNED\((\w+), (\d+), \d+\);$", pinned, re.M))
    members = set(re.findall(r"^PINNED_AT\((\w+), (\w+),", pinned, re.M))
    values = set(re.findall(r"^VALUE\((?:std::string_view\{)?(\w+)", pinned, re.M))
    table = table_of(Path(source, "sdk/ABI.md").read_text(encoding="utf-8"))

    include = Path(source, "sdk/include/sluice")
    known = set()
    for path in [include / "abi.h", *sorted(include.glob("ext/*.h"))]:
        header = without_comments(path.read_text(encoding="utf-8"))
        for name, its_members in structs(header):
            known.add(name)
            if name not in sizes:
                yield f"{path}: {name} is not pinned"
            yield from (f"{path}: {name}.{member} is not pinned" for member in its_members
                        if (name, member) not in members)
            if name not in table:
                yield f"sdk/ABI.md: has no row of {name}"
            elif table[name][0] != sizes.get(name):
                yield f"sdk/ABI.md: {name} has {sizes.get(name)} bytes, not {table[name][0]}"
            elif (table[name][1] == "yes" and its_members[0] != "size"
                  and name not in SIZED_OTHERWISE):
                yield f"sdk/ABI.md: {name} does not begin with its size: it cannot grow"
        yield from (f"{path}: {name} is not pinned" for name in
                    [*enumerators(header), *constants(header)] if name not in values)
    lines = len((include / "abi.h").read_text(encoding="utf-8").splitlines())
    if lines >= LINES_MAX:
        yield (f"{include}/abi.h: has {lines} lines, allowed are fewer than {LINES_MAX}: "
               "what is new is an extension")
    if len(known) < 20:
        yield f"{include}: only {len(known)} structs were found"
    yield from (f"sdk/ABI.md: {name} is no struct" for name in table.keys() - known)


def main():
    found = list(problems(sys.argv[1]))
    print("\n".join(found))
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
