#!/usr/bin/env python3
"""Turns the files of the page into an assembler file and a C table (see web_asset.h).

Every file but the page itself gets a name that holds a hash of its content, so that browsers may
keep it for ever. A reference to another file of the page ("./net.js" in a module, "style.css" in the
page) is rewritten to the hashed name; hence a file is hashed after those that it refers to, and two
files that refer to each other are an error.
"""

import argparse
import hashlib
import pathlib
import re
import subprocess
import sys

CONTENT_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
PAGE = "index.html"
PREFIX = "/assets/"
HASH_CHARS = 16


class Asset:
    def __init__(self, name, path, content):
        self.name = name
        self.path = path
        self.content = content
        self.content_type = CONTENT_TYPES[pathlib.Path(name).suffix]
        self.digest = hashlib.sha256(content).hexdigest()[:HASH_CHARS]


def hashed_path(name, content):
    digest = hashlib.sha256(content).hexdigest()[:HASH_CHARS]
    stem, dot, suffix = name.rpartition(".")
    return f"{PREFIX}{stem}.{digest}{dot}{suffix}"


def reference_pattern(names):
    """A quoted, whole name of one of our files, with or without ./ before it; url(name) in CSS."""
    any_name = "|".join(re.escape(name) for name in sorted(names))
    return re.compile(rf"""(["'(])(?:\./)?({any_name})(["')])""")


def resolve(sources):
    """Hashes all files, those without references first. Returns the assets by name."""
    pattern = reference_pattern(sources.keys() - {PAGE})
    assets = {}
    on_the_way = []

    def asset_of(name):
        if name in assets:
            return assets[name]
        if name in on_the_way:
            sys.exit("embed.py: files refer to each other: " + " -> ".join(on_the_way + [name]))
        on_the_way.append(name)
        text = pattern.sub(lambda m: m[1] + asset_of(m[2]).path + m[3], sources[name])
        on_the_way.pop()
        content = text.encode()
        path = "/" if name == PAGE else hashed_path(name, content)
        assets[name] = Asset(name, path, content)
        return assets[name]

    for name in sorted(sources):
        asset_of(name)
    return assets


def compressed(command, content):
    return subprocess.run(command, input=content, stdout=subprocess.PIPE, check=True).stdout


def encodings(asset, args):
    """The bytes of each encoding by its name in struct web_asset."""
    result = {
        "identity": asset.content,
        "gzip": compressed([args.gzip, "-9nc"], asset.content),
    }
    if args.brotli:
        result["brotli"] = compressed([args.brotli, "-q", "11", "-w", "18", "-c"], asset.content)
    return result


def write_if_changed(path, data):
    if not path.exists() or path.read_bytes() != data:
        path.write_bytes(data)


def write_all(assets, args):
    assembly = ["/* Written by web/embed.py: the files of the page. */", "\t.section .rodata"]
    table = [
        "/* Written by web/embed.py: the files of the page, sorted by path. */",
        '#include "web/web_table.h"',
        "",
    ]
    rows = []
    for number, asset in enumerate(sorted(assets, key=lambda a: a.path.encode())):
        fields = [
            f'.path = "{asset.path}"',
            f'.content_type = "{asset.content_type}"',
            f".immutable = {'false' if asset.path == '/' else 'true'}",
            f'.etag = "W/\\"{asset.digest}\\""',
        ]
        for encoding, content in encodings(asset, args).items():
            symbol = f"web_blob_{number}_{encoding}"
            blob = args.out / f"{number}.{encoding}"
            write_if_changed(blob, content)
            assembly += [
                f"\t.globl {symbol}",
                f"\t.hidden {symbol}",
                "\t.balign 16",
                f"{symbol}:",
                f'\t.incbin "{blob.resolve()}"',
            ]
            table.append(f"extern const uint8_t {symbol}[];")
            fields.append(f".{encoding} = {{{symbol}, {len(content)}}}")
        rows.append("\t{" + ",\n\t ".join(fields) + "},")
    assembly.append('\t.section .note.GNU-stack,"",%progbits')
    table += ["", "const struct web_asset web_table[] = {", *rows, "};", ""]
    table.append("const size_t web_table_count = sizeof(web_table) / sizeof(web_table[0]);")
    # Not "if changed": the build system compares the time of these two with the page's files.
    (args.out / "web_blobs.S").write_text("\n".join(assembly) + "\n")
    (args.out / "web_table.c").write_text("\n".join(table) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gzip", required=True, help="program that compresses with gzip")
    parser.add_argument("--brotli", help="program that compresses with brotli")
    parser.add_argument("--out", required=True, type=pathlib.Path, help="folder for the results")
    parser.add_argument("files", nargs="+", type=pathlib.Path)
    args = parser.parse_args()

    args.out.mkdir(parents=True, exist_ok=True)
    sources = {file.name: file.read_text(encoding="utf-8") for file in args.files}
    write_all(resolve(sources).values(), args)


if __name__ == "__main__":
    main()
