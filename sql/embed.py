"""Turns queries.sql and the migrations into C.

usage: embed.py queries  queries.sql           > sql/queries.h
       embed.py migrations 0001-x.sql ...      > sql/migrations.h
"""
import os
import re
import sys


def c_string(text):
    lines = text.strip().split("\n")
    return "\n".join('\t"%s\\n"' % l.replace("\\", "\\\\").replace('"', '\\"') for l in lines)


def read_queries(path):
    """[(name, sql)] in the file's order."""
    parts = re.split(r"^-- name: (\w+)\n", open(path).read(), flags=re.M)[1:]
    queries = []
    for name, body in zip(parts[::2], parts[1::2]):
        sql = "\n".join(l for l in body.split("\n") if not l.startswith("--")).strip()
        if not sql.endswith(";"):
            sys.exit("%s: %s doesn't end with a semicolon" % (path, name))
        queries.append((name, sql))
    names = [n for n, _ in queries]
    for n in names:
        if names.count(n) > 1:
            sys.exit("%s: %s stands there twice" % (path, n))
    return queries


def main():
    kind, files = sys.argv[1], sys.argv[2:]
    if kind == "queries":
        queries = read_queries(files[0])
        print("/* Made from sql/queries.sql. */")
        print("#ifndef SOCKERLESS_QUERIES_H\n#define SOCKERLESS_QUERIES_H\n\nenum query {")
        for name, _ in queries:
            print("\tQUERY_%s," % name.upper())
        print("\tQUERY_COUNT\n};\n\n#endif\n")
        print("#ifdef QUERIES_TEXT\nstatic const struct {\n\tconst char *name;\n\tconst char *sql;\n} queries[QUERY_COUNT] = {")
        for name, sql in queries:
            print('\t{ "%s",\n%s },' % (name, c_string(sql)))
        print("};\n#endif")
    else:
        numbers = [int(os.path.basename(f)[:4]) for f in files]
        if numbers != list(range(1, len(files) + 1)):
            sys.exit("the migrations' numbers aren't 1, 2, 3 ...: %s" % numbers)
        print("/* Made from sql/NNNN-*.sql. */\nstatic const struct {\n\tint number;\n\tconst char *sql;\n} migrations[] = {")
        for number, f in zip(numbers, files):
            print("\t{ %d,\n%s }," % (number, c_string(open(f).read())))
        print("};")


main()
