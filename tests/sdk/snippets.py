"""What a document shows of a file is what the file says, and the file is compiled by the tests.

    snippets.py DOCUMENT

A block of the document whose first line reads, behind its language, FILE or FILE#REGION shows that
file (beside the document), or what stands in it between the comments `[REGION]` and `[/REGION]`, less
the indentation that all of it has. A region may stand in a file more than once: a blank line between
its parts. Of the document beside the SDK's headers, each block of code is such.
"""

import re
import sys
import textwrap
from pathlib import Path

CODE = {"c", "cpp", "cmake", "toml"}
MARKER = re.compile(r"^\s*(?://|#|/\*) \[(/?)(\w+)\](?: \*/)?$")


def blocks(document):
    """Of each fenced block: its line, the words of its first line, its text."""
    for found in re.finditer(r"^```(.+)\n((?:.*\n)*?)```$", document, re.M):
        line = document.count("\n", 0, found.start()) + 1
        yield line, found[1].split(), found[2]


def shown(path, region):
    """The file's text, or its region's."""
    parts, inside = [], region is None
    if inside:
        parts.append([])
    for line in path.read_text(encoding="utf-8").splitlines():
        marker = MARKER.match(line)
        if not marker:
            if inside:
                parts[-1].append(line)
        elif marker[2] == region:
            inside = not marker[1]
            if inside:
                parts.append([])
    if region is not None and (inside or not parts):
        raise ValueError(f"{path} has no region [{region}] ... [/{region}]")
    return "\n".join(textwrap.dedent("\n".join(part)).strip("\n") + "\n" for part in parts)


def problems(document):
    count = 0
    for line, words, text in blocks(document.read_text(encoding="utf-8")):
        at = f"{document}:{line}"
        if len(words) < 2:
            if words[0] in CODE and (document.parent / "include").is_dir():
                yield f"{at}: names no file that it is from"
            continue
        if words[0] not in CODE:
            continue
        count += 1
        name, _, region = words[1].partition("#")
        try:
            wanted = shown(document.parent / name, region or None)
        except (OSError, ValueError) as error:
            yield f"{at}: {error}"
            continue
        if text != wanted:
            yield f"{at}: is not what {words[1]} says, which is\n{wanted}"
    if count == 0:
        yield f"{document}: shows no file"


def main():
    found = list(problems(Path(sys.argv[1])))
    print("\n".join(found))
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
